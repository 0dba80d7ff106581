// The process of a client: commands as lines of JSON on standard input, answers and events on standard output, in the
// same way as slix.py.

import { createInterface } from "node:readline";

export const report = (item) => process.stdout.write(JSON.stringify(item) + "\n");

async function answer(commands, { re, do: name, ...args }) {
  try {
    report({ re, value: (await commands[name](args)) ?? null });
  } catch (e) {
    report({ re, error: { condition: e.condition ?? "exception", text: e.stack ?? String(e) } });
  }
}

// Answers commands until there are no more, then leaves.
export function serve(commands, leave) {
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => answer(commands, JSON.parse(line)));
  lines.on("close", async () => {
    await Promise.resolve(leave()).catch(() => {});
    process.exit(0);
  });
}
