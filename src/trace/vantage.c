#include "trace/vantage.h"

#include "trace/ladder.h"
#include "trace/track_i.h"

/* Whoever answers at once is where the capture is: his system needs less than the way there and back. */
#define NEAR_RATIO 4
/* Under this the ends are as good as one place. */
#define NEAR_SECONDS 0.001

/* The three packets of a handshake of which none was sent again. */
static bool measure(const struct dissected *d, const struct stream *s, struct vantage *ret)
{
	uint32_t syn = s->dirs[0].syn, answer = s->dirs[1].syn, third = s->facts.third;

	if (!syn || !answer || !third || s->dirs[0].syn_last != syn || s->dirs[1].syn_last != answer)
		return false;
	ret->answered = d->frames[answer - 1].time - d->frames[syn - 1].time;
	ret->completed = d->frames[third - 1].time - d->frames[answer - 1].time;
	return ret->answered >= 0 && ret->completed >= 0;
}

static enum vantage_place place_by_times(const struct vantage *v)
{
	if (v->answered + v->completed < NEAR_SECONDS)
		return VANTAGE_SAME;
	if (v->answered > NEAR_RATIO * v->completed)
		return VANTAGE_OPENER;
	return v->completed > NEAR_RATIO * v->answered ? VANTAGE_OTHER : VANTAGE_BETWEEN;
}

/* What was sent again and had never been here was lost before it came here; what had been here, behind. */
static enum vantage_place place_by_losses(const struct stream *s)
{
	bool to_other = s->dirs[0].lost_here, to_opener = s->dirs[1].lost_here;
	bool at_opener = s->dirs[0].lost_behind || to_opener, at_other = s->dirs[1].lost_behind || to_other;

	if (at_opener && at_other)
		return VANTAGE_BETWEEN;
	return at_opener ? VANTAGE_OPENER : at_other ? VANTAGE_OTHER : VANTAGE_UNKNOWN;
}

struct vantage vantage_of(const struct dissected *d, int32_t stream)
{
	struct vantage v = {VANTAGE_UNKNOWN, 0, 0, false};
	const struct stream *s = stream_at(d, stream);

	if (!s)
		return v;
	v.measured = measure(d, s, &v);
	v.place = v.measured ? place_by_times(&v) : place_by_losses(s);
	return v;
}

bool vantage_is_receiver(const struct vantage *v, const struct dissected_frame *f)
{
	return v->measured && v->place == (f->opener ? VANTAGE_OTHER : VANTAGE_OPENER);
}

void vantage_put(const struct dissected *d, int32_t stream, const struct vantage *v, struct buf *out)
{
	for (uint32_t i = 0; i < d->n && (v->place == VANTAGE_OPENER || v->place == VANTAGE_OTHER); i++) {
		const struct dissected_frame *f = &d->frames[i];

		if (f->stream != stream)
			continue;
		buf_z(out, v->measured ? "captured at " : "captured on the side of ");
		host_label(d, f->opener == (v->place == VANTAGE_OPENER) ? f->from : f->to, out);
		buf_z(out, v->measured ? ", or near" : " of what lost packets");
		return;
	}
	if (v->place == VANTAGE_BETWEEN)
		buf_z(out, "captured on the way between both");
}
