/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/pair/seen.h"

#include <stdlib.h>
#include <string.h>

void seen_init(struct seen *s, bool is_plain)
{
	memset(s, 0, sizeof(*s));
	s->is_plain = is_plain;
	s->size = 1024;
	s->slot_cnt = 4 * s->size;
	s->state = calloc(s->size, sizeof(*s->state));
	s->slot = calloc(s->slot_cnt, sizeof(*s->slot));
	must(s->state != NULL && s->slot != NULL);
}

void seen_fini(struct seen *s)
{
	free(s->state);
	free(s->slot);
}

/* Where this name is, or belongs. */
static uint32_t *slot_of(const struct seen *s, const uint8_t name[DIGEST_LEN])
{
	uint64_t at;

	memcpy(&at, name, sizeof(at));
	for (;; at++) {
		uint32_t *slot = &s->slot[at % s->slot_cnt];

		if (*slot == 0 || memcmp(s->state[*slot - 1].name, name, DIGEST_LEN) == 0)
			return slot;
	}
}

static void grow(struct seen *s)
{
	s->size *= 2;
	s->slot_cnt *= 2;
	s->state = realloc(s->state, s->size * sizeof(*s->state));
	free(s->slot);
	s->slot = calloc(s->slot_cnt, sizeof(*s->slot));
	must(s->state != NULL && s->slot != NULL && s->size < UINT32_MAX);
	for (size_t i = 0; i < s->state_cnt; i++)
		*slot_of(s, s->state[i].name) = (uint32_t)i + 1;
}

static size_t add(struct seen *s, const uint8_t name[DIGEST_LEN])
{
	size_t at = s->state_cnt;

	if (at == s->size)
		grow(s);
	s->state_cnt++;
	s->state[at] = (struct seen_state){.run_cnt = 0};
	memcpy(s->state[at].name, name, DIGEST_LEN);
	*slot_of(s, name) = (uint32_t)at + 1;
	return at;
}

static void count(struct seen *s, uint64_t run_cnt)
{
	uint64_t *sum = s->len == 0 ? &s->run_cnt : &s->choice[s->len - 1].run_cnt;

	must(*sum + run_cnt >= *sum);
	*sum += run_cnt;
}

bool seen_is_replay(const struct seen *s)
{
	return s->depth < s->len;
}

unsigned seen_replay(struct seen *s)
{
	return s->choice[s->depth++].taken;
}

bool seen_choose(struct seen *s, const uint8_t name[DIGEST_LEN], unsigned cnt, unsigned *taken)
{
	uint32_t slot = *slot_of(s, name);
	size_t at = slot == 0 ? add(s, name) : slot - 1;

	must(s->depth == s->len && s->len < SEEN_DEPTH_MAX);
	s->step_cnt++;
	if (slot != 0 && !s->is_plain) {
		must(s->state[at].is_done); /* time does not run back: it is not on our way */
		count(s, s->state[at].run_cnt);
		return false;
	}
	s->choice[s->len++] = (struct seen_choice){.cnt = (uint16_t)cnt, .state = at};
	s->depth++;
	*taken = 0;
	return true;
}

void seen_end(struct seen *s)
{
	count(s, 1);
}

bool seen_advance(struct seen *s)
{
	while (s->len > 0) {
		struct seen_choice *last = &s->choice[s->len - 1];
		struct seen_state *state = &s->state[last->state];

		if (last->taken + 1 < last->cnt) {
			last->taken++;
			break;
		}
		must(!state->is_done || state->run_cnt == last->run_cnt);
		state->is_done = true;
		state->run_cnt = last->run_cnt;
		s->len--;
		count(s, state->run_cnt);
	}
	s->depth = 0;
	return s->len > 0;
}
