#include "trace/screen_term.h"

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <stdlib.h>
#include <wchar.h>

#include "base/err.h"
#include "base/mem.h"

/* Colours of the first eight, which every terminal with colours has; bold makes sixteen of them. Without colours the bold, the
 * underline and the reverse stay. */
static const struct {
	short colour;
	attr_t with, without;
} looks[STYLES] = {
	[STYLE_PLAIN] = {-1, A_NORMAL, A_NORMAL},
	[STYLE_DISCOVERY] = {COLOR_CYAN, A_NORMAL, A_NORMAL},
	[STYLE_TCP] = {COLOR_BLUE, A_BOLD, A_NORMAL},
	[STYLE_TLS] = {COLOR_MAGENTA, A_NORMAL, A_NORMAL},
	[STYLE_STREAM] = {COLOR_CYAN, A_BOLD, A_NORMAL},
	[STYLE_PRESENCE] = {COLOR_YELLOW, A_NORMAL, A_NORMAL},
	[STYLE_MESSAGE] = {-1, A_BOLD, A_BOLD},
	[STYLE_RECEIPT] = {COLOR_GREEN, A_NORMAL, A_NORMAL},
	[STYLE_LOST] = {COLOR_RED, A_BOLD, A_UNDERLINE},
	[STYLE_CLOSE] = {COLOR_MAGENTA, A_BOLD, A_NORMAL},
	[STYLE_FAINT] = {-1, A_DIM, A_DIM},
	[STYLE_BAR] = {-1, A_REVERSE, A_REVERSE},
	[STYLE_ALARM] = {COLOR_RED, A_BOLD | A_REVERSE, A_BOLD | A_REVERSE},
};

static SCREEN *screen;
static bool coloured;

static void set_colours(void)
{
	const char *none = getenv("NO_COLOR");

	coloured = !(none && *none) && has_colors() && start_color() == OK && COLORS >= 8 && use_default_colors() == OK;
	for (int i = 0; coloured && i < STYLES; i++)
		init_pair((short)(i + 1), looks[i].colour, -1);
}

int term_open(void)
{
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return ERR_UNSUPPORTED;
	raw(); /* Ctrl-C is a key: children of ours have no part in it */
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	mouseinterval(0);
	mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
	set_colours();
	return 0;
}

void term_close(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
}

void term_size(unsigned *rows, unsigned *columns)
{
	*rows = (unsigned)getmaxy(stdscr);
	*columns = (unsigned)getmaxx(stdscr);
}

/* ---- keys ---- */

static const struct {
	wint_t code;
	enum key_kind kind;
} keys[] = {
	{KEY_UP, KEY_IS_UP},
	{KEY_DOWN, KEY_IS_DOWN},
	{KEY_LEFT, KEY_IS_LEFT},
	{KEY_RIGHT, KEY_IS_RIGHT},
	{KEY_PPAGE, KEY_IS_PAGE_UP},
	{KEY_NPAGE, KEY_IS_PAGE_DOWN},
	{KEY_HOME, KEY_IS_HOME},
	{KEY_END, KEY_IS_END},
	{KEY_BACKSPACE, KEY_IS_BACKSPACE},
	{KEY_RESIZE, KEY_IS_RESIZE},
};

static struct key mouse(void)
{
	struct key k = {.kind = KEY_IS_OTHER};
	MEVENT e;

	if (getmouse(&e) != OK)
		return k;
	k.row = (unsigned)e.y;
	if (e.bstate & BUTTON4_PRESSED)
		k.kind = KEY_IS_WHEEL_UP;
	else if (e.bstate & BUTTON5_PRESSED)
		k.kind = KEY_IS_WHEEL_DOWN;
	else if (e.bstate & BUTTON1_PRESSED)
		k.kind = KEY_IS_CLICK;
	return k;
}

static struct key special(wint_t code)
{
	if (code == KEY_MOUSE)
		return mouse();
	if (code == KEY_ENTER)
		return (struct key){.kind = KEY_IS_CHAR, .c = '\n'};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i].code == code)
			return (struct key){.kind = keys[i].kind};
	return (struct key){.kind = KEY_IS_OTHER};
}

bool term_key(struct key *ret)
{
	wint_t c;
	int how = get_wch(&c);

	if (how == ERR)
		return false;
	if (how == KEY_CODE_YES)
		*ret = special(c);
	else if (c == 127 || c == 8)
		*ret = (struct key){.kind = KEY_IS_BACKSPACE};
	else
		*ret = (struct key){.kind = KEY_IS_CHAR, .c = c == '\r' ? '\n' : (uint32_t)c};
	return true;
}

/* ---- what is on it ---- */

void term_clear(void) { erase(); }

static void look(enum style style, bool chosen)
{
	attr_t a = (coloured ? looks[style].with : looks[style].without) | (chosen ? A_REVERSE : A_NORMAL);

	attr_set(a, (short)(coloured ? style + 1 : 0), NULL);
}

void term_put(unsigned row, unsigned column, enum style style, bool chosen, struct str text)
{
	look(style, chosen);
	move((int)row, (int)column);
	while (text.n) {
		size_t n = str_utf8_next(text);
		wchar_t c = n ? (wchar_t)str_utf8_char(text.p, n) : 0xfffd;

		n = n ? n : 1;
		/* What this system does not know has no width that anybody could know. */
		if (wcwidth(c) < 0)
			c = MB_CUR_MAX > 1 ? 0xfffd : '?';
		addnwstr(&c, 1);
		text = (struct str){text.p + n, text.n - n};
	}
}

void term_fill(unsigned row, unsigned column, enum style style, bool chosen)
{
	int columns = getmaxx(stdscr);

	look(style, chosen);
	if ((int)column < columns)
		mvhline((int)row, (int)column, ' ', columns - (int)column);
}

void term_cursor(bool shown, unsigned row, unsigned column)
{
	curs_set(shown ? 1 : 0);
	if (shown)
		move((int)row, (int)column);
}

void term_flush(void) { refresh(); }
