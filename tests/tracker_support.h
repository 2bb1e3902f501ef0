/* tests/tracker_support.h - a desk with registered tokens, and lines of any tracker on it: no pool, no segment, no threads' registration.
 *
 * Token t stands for (holder, site): holder 1 + (t - 1) / sites, who pid 1000 + holder, thread 5000 + holder.
 */
#ifndef WEIR_TESTS_TRACKER_SUPPORT_H
#define WEIR_TESTS_TRACKER_SUPPORT_H

#include "support.h"

#include "../debug/sketch.h"
#include "../debug/verdict.h"
#include "../debug/watch.h"

/* Sanitizers and emulators of other systems and processors are slow: fewer there. */
#if SANITIZED || defined(_WIN32) || !defined(__x86_64__)
#define AS_MANY(normal, fewer) (fewer)
#else
#define AS_MANY(normal, fewer) (normal)
#endif

enum { DESK_TOKENS = 200, DESK_NODES = 4096, LINE_WORDS = 1 + 2 * 256 };

struct desk {
    struct tracker_tokens tokens;
    uint64_t value[DESK_TOKENS], who[DESK_TOKENS];
    uint32_t holder[DESK_TOKENS];
    struct thread_token token[DESK_TOKENS];
    struct debug_header head;
    struct debug_node nodes[DESK_NODES];
    struct watch watch;
};

static inline void desk_open(struct desk *d, uint64_t seed, uint32_t holders, uint32_t sites)
{
    memset(d, 0, sizeof *d);
    d->tokens = (struct tracker_tokens){ .n = 1 + holders * sites, .value = d->value, .holder = d->holder, .who = d->who };
    for (uint32_t t = 1; t < d->tokens.n; t++) {
        uint32_t holder = 1 + (t - 1) / sites;
        d->value[t] = token_value(seed, t, 1);
        d->holder[t] = holder;
        d->who[t] = (uint64_t)(1000 + holder) << 32 | (5000 + holder);
        d->token[t] = (struct thread_token){ .index = t, .holder = holder, .who = d->who[t] };
        sketch_powers(d->value[t], DEBUG_POWERS, d->token[t].power);
    }
    d->head.nodes = DESK_NODES;
    d->watch.head = &d->head;
    d->watch.nodes = d->nodes;
}

struct line {
    const struct tracker *tracker;
    unsigned parameter;
    uint32_t count;
    uint64_t words[LINE_WORDS];
};

static inline struct tracker_update line_update(struct desk *d, const struct line *l, uint32_t token, uint32_t time)
{
    return (struct tracker_update){ .token = &d->token[token], .time = time, .parameter = l->parameter, .watch = &d->watch };
}

static inline unsigned line_words(const struct line *l) { return l->tracker->words(l->parameter); }

static inline void line_born(struct line *l, struct desk *d, const struct tracker *tracker, unsigned parameter, uint32_t token, uint32_t time)
{
    struct tracker_update u;
    l->tracker = tracker;
    l->parameter = parameter;
    l->count = 1;
    u = line_update(d, l, token, time);
    if (line_words(l) > LINE_WORDS)
        abort();
    tracker->first(l->words, &u);
}

static inline void line_take(struct line *l, struct desk *d, uint32_t token, uint32_t time)
{
    struct tracker_update u = line_update(d, l, token, time);
    l->count++;
    l->tracker->add(l->words, &u);
}

static inline void line_give(struct line *l, struct desk *d, uint32_t token, uint32_t time)
{
    struct tracker_update u = line_update(d, l, token, time);
    l->tracker->take_back(l->words, &u);
    l->count--;
}

static inline void line_over(struct line *l, struct desk *d)
{
    struct tracker_update u = { .parameter = l->parameter, .watch = &d->watch };
    if (l->tracker->over)
        l->tracker->over(l->words, &u);
}

static inline struct verdict line_read_words(const struct line *l, const struct desk *d, bool own, const uint64_t *words)
{
    struct verdict v;
    struct tracker_reading r = {
        .words = words, .parameter = l->parameter, .n_words = line_words(l), .count = l->count, .own = own, .tokens = &d->tokens,
        .nodes = d->nodes, .n_nodes = DESK_NODES,
    };
    memset(&v, 0x5a, sizeof v);
    l->tracker->decode(&v, &r);
    return v;
}

static inline struct verdict line_read(const struct line *l, const struct desk *d, bool own)
{
    return line_read_words(l, d, own, l->words);
}

/* What it says of a token: its references, 0 if it isn't named. */
static inline int32_t verdict_of(const struct verdict *v, uint32_t token)
{
    for (unsigned i = 0; i < v->n; i++)
        if (v->holder[i].token == token)
            return v->holder[i].refs;
    return 0;
}

static inline uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}
static inline uint32_t random_below(uint64_t *state, uint32_t n) { return (uint32_t)(random_next(state) % n); }

#endif
