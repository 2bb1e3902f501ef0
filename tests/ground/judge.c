/* judge.c - a reading beside the truth.
 *
 * Whatever is certified must be so: each actor with as many references as it holds, nobody else, and together the count. A thread that was killed in
 * its loop has one step that may have happened or not: both are the truth then, for each such thread.
 *
 * sketch(k) must certify what is stable, with at most k tokens and no balance below 0, and must say overflow, and name nobody, beyond k. slots and journal
 * must certify where there was room for all. sum must certify one reference, and name one holder of several; xor must name the holder of one,
 * and certify it under discipline=own; both must say ambiguous where there are two. Where a balance is below 0 (a hand-over by plain calls), nothing is
 * certified.
 */
#include "ground.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* xor, sum and releasers know holders alone; the others a holder's sites, too. */
static bool judge__sites(const struct plan *p)
{
    return p->kind != KIND_XOR && p->kind != KIND_SUM && p->kind != KIND_RELEASERS;
}

static unsigned judge__busy_token(const struct plan *p, unsigned actor)
{
    return judge__sites(p) ? busy_token(p, actor) : 0;
}

struct facts {
    unsigned tokens;            /* with a balance that isn't 0 */
    int32_t count;              /* references in all */
    bool negative;
    bool unsure;                /* a thread was killed in its loop, on this op */
};

static bool judge__no(char *wrong, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(wrong, TEXT, format, args);
    va_end(args);
    return false;
}

/* The steps that are done for certain change the truth; the one that was under way is reported. */
static bool judge__unsure(const struct stage *s, unsigned actor)
{
    return s->busy[actor].begun != s->busy[actor].ended;
}

static void judge__truth(const struct stage *s, unsigned op, bool dead, struct truth *t, struct facts *f)
{
    const struct plan *p = &s->plan;
    plan_truth(p, t);
    memset(f, 0, sizeof *f);
    for (unsigned a = 0; a < p->actors; a++) {
        if (dead && busy_op(p, a) == op && s->busy[a].ended % 2)        /* a reading in life came before the loop */
            t->held[op][a][judge__busy_token(p, a)]++;
        f->unsure |= dead && busy_op(p, a) == op && judge__unsure(s, a);
        for (unsigned i = 1; i < 1 + SITES && !judge__sites(p); i++) {
            t->held[op][a][0] += t->held[op][a][i];
            t->held[op][a][i] = 0;
        }
        for (unsigned i = 0; i < 1 + SITES; i++) {
            f->tokens += t->held[op][a][i] != 0;
            f->count += t->held[op][a][i];
            f->negative |= t->held[op][a][i] < 0;
        }
    }
}

/* May actor a have `said` references of that token, where the truth is `held`? */
static bool judge__may(const struct stage *s, bool dead, unsigned op, unsigned a, unsigned token, int32_t held, int32_t said)
{
    const struct plan *p = &s->plan;
    int32_t step = s->busy[a].begun % 2 ? 1 : -1;               /* the step that was begun last: the 1st takes, the 2nd gives */
    if (said == held || !dead)
        return said == held;
    return busy_op(p, a) == op && judge__busy_token(p, a) == token && judge__unsure(s, a) && said == held + step;
}

/* Plain calls and holds of one actor are told apart by the line. */
static bool judge__certified(const struct stage *s, const struct reading *r, unsigned op, bool dead, const struct truth *t, char *wrong)
{
    const struct plan *p = &s->plan;
    int32_t said[ACTORS][1 + SITES] = { { 0 } };
    int64_t total = 0;
    for (unsigned i = 0; i < r->n; i++) {
        const struct reading_holder *h = &r->holder[i];
        unsigned a = 0, token = h->line >= FIRST_LINE && h->line < FIRST_LINE + SITES ? (unsigned)(1 + h->line - FIRST_LINE) : 0;
        token = judge__sites(p) ? token : 0;
        while (a < p->actors && (s->pid[a] != h->pid || s->tid[a] != h->tid))
            a++;
        if (a == p->actors)
            return judge__no(wrong, "op %u: certified: pid %lld tid %lld, which is nobody", op, (long long)h->pid, (long long)h->tid);
        said[a][token] += h->refs;
        total += h->refs;
    }
    for (unsigned a = 0; a < p->actors; a++)
        for (unsigned token = 0; token < 1 + SITES; token++)
            if (!judge__may(s, dead, op, a, token, t->held[op][a][token], said[a][token]))
                return judge__no(wrong, "op %u: certified: actor %u has %d of %s %u, but it has %d", op, a, (int)said[a][token],
                                 token ? "site" : "plain calls,", token ? token - 1 : 0, (int)t->held[op][a][token]);
    if (total != (int64_t)r->refs)
        return judge__no(wrong, "op %u: certified: %lld references in all, but the count is %u", op, (long long)total, r->refs);
    return true;
}

static bool judge__states(const struct stage *s, const struct reading *r, unsigned op, bool dead, char *wrong)
{
    for (unsigned i = 0; i < r->n; i++)
        for (unsigned a = 0; a < s->plan.actors; a++) {
            bool died = dead && s->plan.dies[plan_process(&s->plan, a)];
            enum weir_holder_state state = !died ? WEIR_ALIVE : plan_reaps(&s->plan) ? WEIR_DEAD : WEIR_ZOMBIE;
            if (s->pid[a] == r->holder[i].pid && s->tid[a] == r->holder[i].tid && r->holder[i].state != state)
                return judge__no(wrong, "op %u: actor %u is in state %d, and is said to be in state %d", op, a, (int)state, (int)r->holder[i].state);
        }
    return true;
}

/* How many tokens there can have been at once, and events, at most. Two threads that bring one token at once may take two slots. */
static void judge__most(const struct plan *p, unsigned op, unsigned *tokens, unsigned *events)
{
    *tokens = *events = 1 + p->hands * 2;                       /* the op's first reference; a move takes before it gives */
    for (unsigned a = 0; a < p->actors; a++) {
        *tokens += (p->plant[op].refs[a] != 0) + (p->death >= DEATH_BUSY);
        *events += p->plant[op].refs[a];
    }
    ++*events;
    if (p->noise)
        *tokens = p->actors * (1 + SITES) + p->hands * 2;
    if (p->noise || p->death >= DEATH_BUSY)
        *events = UINT32_MAX;
}

/* Must a stable reading of this be certified? */
static bool judge__must_certify(const struct plan *p, const struct facts *f, unsigned op)
{
    unsigned tokens, events;
    if (f->negative || f->unsure)
        return false;
    judge__most(p, op, &tokens, &events);
    switch (p->kind) {
    case KIND_XOR: return p->own && f->count == 1;
    case KIND_SUM: return f->count == 1;
    case KIND_SKETCH: return f->tokens <= p->k && (p->k > 1 || f->count == 1);
    case KIND_SLOTS: return tokens <= p->k;
    case KIND_JOURNAL: return events <= p->k;
    default: return false;
    }
}

/* One token has all: is it named, with all? */
static bool judge__named(const struct stage *s, const struct reading *r, unsigned op, const struct truth *t, int32_t refs)
{
    for (unsigned a = 0; a < s->plan.actors; a++)
        for (unsigned i = 0; i < 1 + SITES; i++)
            if (t->held[op][a][i])
                return r->certainty <= WEIR_PROBABLE && r->n == 1 && r->holder[0].pid == s->pid[a] && r->holder[0].tid == s->tid[a] &&
                       r->holder[0].refs == refs;
    return false;
}

/* What the tracker must not do beyond that. */
static bool judge__manner(const struct stage *s, const struct reading *r, unsigned op, const struct truth *t, const struct facts *f, char *wrong)
{
    const struct plan *p = &s->plan;
    if (f->unsure)
        return true;
    if (f->negative && r->certainty == WEIR_CERTIFIED)
        return judge__no(wrong, "op %u: certified although somebody gave back more than it took", op);
    if (p->kind == KIND_SKETCH && f->tokens > p->k && (r->certainty != WEIR_OVERFLOW || r->n))
        return judge__no(wrong, "op %u: %u tokens in sketch(%u), and it says certainty %d and names %u", op, f->tokens, p->k, (int)r->certainty, r->n);
    if ((p->kind == KIND_XOR || p->kind == KIND_SUM) && f->tokens > 1 && !f->negative && r->certainty != WEIR_AMBIGUOUS)
        return judge__no(wrong, "op %u: %u tokens, and %s says certainty %d", op, f->tokens, p->spec, (int)r->certainty);
    if (p->kind == KIND_XOR && f->count > 1 && r->certainty < WEIR_AMBIGUOUS)
        return judge__no(wrong, "op %u: count %d, and xor says certainty %d", op, (int)f->count, (int)r->certainty);
    if (((p->kind == KIND_SUM && f->tokens == 1) || (p->kind == KIND_XOR && f->count == 1)) && !f->negative && !judge__named(s, r, op, t, f->count))
        return judge__no(wrong, "op %u: one holder of %d, and %s says certainty %d and names %u", op, (int)f->count, p->spec, (int)r->certainty, r->n);
    if (p->kind == KIND_RELEASERS && r->certainty == WEIR_CERTIFIED)
        return judge__no(wrong, "op %u: releasers can't know, and say certified", op);
    return true;
}

bool judge(const struct stage *s, const struct reading *r, unsigned op, bool dead, struct score *score, char *wrong)
{
    const struct plan *p = &s->plan;
    struct truth t;
    struct facts f;
    judge__truth(s, op, dead, &t, &f);
    if (!f.unsure && r->listed != (f.count > 0))
        return judge__no(wrong, "op %u: %d references, and it is %slisted", op, (int)f.count, r->listed ? "" : "not ");
    if (!r->listed)
        return true;
    score->readings++;
    score->certified += r->certainty == WEIR_CERTIFIED;
    score->probable += r->certainty == WEIR_PROBABLE;
    score->ambiguous += r->certainty == WEIR_AMBIGUOUS;
    score->overflow += r->certainty == WEIR_OVERFLOW;
    score->must_certify += judge__must_certify(p, &f, op);
    score->cut_short += f.unsure;
    score->cut_short_certified += f.unsure && r->certainty == WEIR_CERTIFIED;
    if (!f.unsure && !r->stable)
        return judge__no(wrong, "op %u: nobody is in the midst of anything, and it could not be read stably", op);
    if (!f.unsure && r->refs != (uint32_t)f.count)
        return judge__no(wrong, "op %u: %d references, and the count is read as %u", op, (int)f.count, r->refs);
    if (!judge__states(s, r, op, dead, wrong) || !judge__manner(s, r, op, &t, &f, wrong))
        return false;
    if (r->certainty == WEIR_CERTIFIED)
        return judge__certified(s, r, op, dead, &t, wrong);
    if (judge__must_certify(p, &f, op))
        return judge__no(wrong, "op %u: %u tokens, count %d, and %s does not certify it (certainty %d)", op, f.tokens, (int)f.count, p->spec,
                         (int)r->certainty);
    return true;
}
