#include "room/activity.h"

#include <string.h>

#include "base/mem.h"

enum { HOUR_MS = 3600 * 1000, DAY_HOURS = ACTIVITY_HOURS - 1 };

/* Hours that have passed leave at the end. */
static void shift(struct activity *a, int64_t hour)
{
	int64_t by = hour - a->hour;

	if (by <= 0)
		return;
	if (by > ACTIVITY_HOURS)
		by = ACTIVITY_HOURS;
	memmove(a->count + by, a->count, (size_t)(ACTIVITY_HOURS - by) * sizeof(a->count[0]));
	memset(a->count, 0, (size_t)by * sizeof(a->count[0]));
	a->hour = hour;
}

void activity_add(struct activity **a, int64_t since, int64_t time, int64_t now)
{
	int64_t age = now / HOUR_MS - time / HOUR_MS;
	struct activity *own = *a;

	if (!own) {
		*a = own = xcalloc(1, sizeof(*own));
		own->since = since;
		own->hour = now / HOUR_MS;
	}
	shift(own, now / HOUR_MS);
	if (age >= 0 && age < ACTIVITY_HOURS && own->count[age] < UINT16_MAX)
		own->count[age]++;
}

double activity_rate(const struct activity *a, int64_t since, int64_t now)
{
	int64_t passed = now / HOUR_MS - (a ? a->hour : 0), counted_from = a ? a->since : since;
	int64_t day_ago = (now / HOUR_MS - DAY_HOURS) * HOUR_MS;
	int64_t from = counted_from > day_ago ? counted_from : day_ago;
	double sum = 0;

	if (passed < 0) /* the clock went back */
		passed = 0;
	for (int64_t i = 0; a && i + passed < ACTIVITY_HOURS; i++)
		sum += a->count[i];
	return sum * HOUR_MS / (now - from > HOUR_MS ? (double)(now - from) : HOUR_MS);
}
