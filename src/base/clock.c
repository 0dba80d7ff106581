#include "base/clock.h"

#include <time.h>

#include "base/err.h"

enum { DAY = 86400 };

/* Years 1 to 9999 are what the format can say: 0001-01-01T00:00:00.000Z, 9999-12-31T23:59:59.999Z. */
static const int64_t FIRST = -62135596800000, LAST = 253402300799999;

static int64_t read_clock(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_mono(void) { return read_clock(CLOCK_MONOTONIC); }

int64_t clock_wall(void) { return read_clock(CLOCK_REALTIME); }

static bool is_leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

static int month_days(int year, int month)
{
	static const signed char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 0001-01-01 to the first of January of the year. */
static int days_before_year(int year)
{
	int y = year - 1;
	return y * 365 + y / 4 - y / 100 + y / 400;
}

void clock_format(struct buf *out, int64_t wall)
{
	wall = wall < FIRST ? FIRST : wall > LAST ? LAST : wall;
	int64_t ms = wall - FIRST;
	int days = (int)(ms / 1000 / DAY), second = (int)(ms / 1000 % DAY), month = 1;
	int year = days / 366 + 1; /* never too late; the loop runs at most seven times */
	while (days_before_year(year + 1) <= days)
		year++;
	days -= days_before_year(year);
	while (days >= month_days(year, month))
		days -= month_days(year, month++);
	buf_fmt(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month, days + 1, second / 3600, second / 60 % 60,
		second % 60, (int)(ms % 1000));
}

void clock_format_local(struct buf *out, int64_t wall)
{
	time_t t = (time_t)(wall / 1000);
	struct tm tm;
	char text[32];

	if (localtime_r(&t, &tm) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm))
		buf_z(out, text);
	else
		clock_format(out, wall);
}

/* Takes n digits off the text: their value, or -1. */
static int take_digits(struct str *s, size_t n)
{
	uint64_t value;
	if (s->n < n || str_uint((struct str){s->p, n}, 9999, &value) < 0)
		return -1;
	s->p += n;
	s->n -= n;
	return (int)value;
}

static bool take_char(struct str *s, char c)
{
	if (!s->n || s->p[0] != c)
		return false;
	s->p++;
	s->n--;
	return true;
}

/* Digits with the separator before them, from low to high; -1 if not. */
static int take_field(struct str *s, char sep, size_t n, int low, int high)
{
	if (sep && !take_char(s, sep))
		return -1;
	int value = take_digits(s, n);
	return value >= low && value <= high ? value : -1;
}

/* Days since 0001-01-01, or -1. */
static int take_date(struct str *s)
{
	int year = take_field(s, 0, 4, 1, 9999);
	int month = year < 0 ? -1 : take_field(s, '-', 2, 1, 12);
	int day = month < 0 ? -1 : take_field(s, '-', 2, 1, month_days(year, month));
	if (day < 0)
		return -1;
	int days = days_before_year(year) + day - 1;
	for (int m = 1; m < month; m++)
		days += month_days(year, m);
	return days;
}

/* Milliseconds of ".5", ".123456"; digits after the third are dropped. 0 if there is no fraction,
 * -1 if there is a point without digits. */
static int take_fraction(struct str *s)
{
	int ms = 0, weight = 100;
	size_t digits = 0;
	if (!take_char(s, '.'))
		return 0;
	for (; s->n && s->p[0] >= '0' && s->p[0] <= '9'; digits++, weight /= 10) {
		ms += (s->p[0] - '0') * weight;
		s->p++;
		s->n--;
	}
	return digits ? ms : -1;
}

/* Milliseconds of the day, or -1. */
static int take_time(struct str *s)
{
	int hour = take_field(s, 'T', 2, 0, 23);
	int minute = hour < 0 ? -1 : take_field(s, ':', 2, 0, 59);
	int second = minute < 0 ? -1 : take_field(s, ':', 2, 0, 59);
	int ms = second < 0 ? -1 : take_fraction(s);
	return ms < 0 ? -1 : ((hour * 60 + minute) * 60 + second) * 1000 + ms;
}

/* "Z", "+01:00", "-05:30": what is ahead of UTC. */
static bool take_zone(struct str *s, int *ret_minutes)
{
	*ret_minutes = 0;
	if (take_char(s, 'Z'))
		return true;
	int sign = take_char(s, '+') ? 1 : take_char(s, '-') ? -1 : 0;
	int hour = sign ? take_field(s, 0, 2, 0, 23) : -1;
	int minute = hour < 0 ? -1 : take_field(s, ':', 2, 0, 59);
	*ret_minutes = sign * (hour * 60 + minute);
	return minute >= 0;
}

int clock_parse(struct str text, int64_t *ret_wall)
{
	int minutes;
	int days = take_date(&text);
	int ms = days < 0 ? -1 : take_time(&text);
	if (ms < 0 || !take_zone(&text, &minutes) || text.n)
		return ERR_SYNTAX;
	int64_t wall = FIRST + (int64_t)days * DAY * 1000 + ms - (int64_t)minutes * 60000;
	if (wall < FIRST || wall > LAST)
		return ERR_SYNTAX;
	*ret_wall = wall;
	return 0;
}
