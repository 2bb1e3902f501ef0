/* plan.c - a run is drawn from its seed, and what each actor holds at its end is added up. */
#include "ground.h"

#include <stdio.h>
#include <string.h>

#include "../../stress/random.h"

static const char *const kind_name[KINDS] = { "xor", "sum", "sketch", "slots", "releasers", "journal" };

static void plan__tracker(struct plan *p, struct random *r)
{
    static const enum kind often[] = { KIND_SKETCH, KIND_SKETCH, KIND_SKETCH, KIND_SKETCH, KIND_SLOTS, KIND_SLOTS, KIND_XOR, KIND_SUM,
                                       KIND_RELEASERS, KIND_JOURNAL };
    p->kind = often[random_below(r, sizeof often / sizeof *often)];
    p->k = 0;
    if (p->kind == KIND_SKETCH)
        p->k = random_below(r, 2) ? 4 : random_between(r, 1, 8);
    else if (p->kind == KIND_SLOTS)
        p->k = random_below(r, 2) ? 8 : random_between(r, 1, 64);
    else if (p->kind == KIND_JOURNAL)
        p->k = random_between(r, 16, 256);
    if (p->k)
        snprintf(p->spec, sizeof p->spec, "track=%s(%u)", kind_name[p->kind], p->k);
    else
        snprintf(p->spec, sizeof p->spec, "track=%s", kind_name[p->kind]);
    p->own = random_below(r, 4) == 0;
    if (p->own)
        strcat(p->spec, ",discipline=own");
    if (random_below(r, 8) == 0)
        strcat(p->spec, ",stacks");
    if (p->kind != KIND_JOURNAL && random_below(r, 8) == 0)
        strcat(p->spec, ",journal=8");
    if (random_below(r, 8) == 0)
        strcat(p->spec, ",guard");
}

/* 0 to 12 holders with 1 to 5 references each; small numbers of them as often as large ones. */
static void plan__plant(struct plan *p, struct random *r, unsigned op)
{
    unsigned holders = random_below(r, 2) ? random_below(r, 6) : random_below(r, ACTORS + 1), left = p->actors, style = random_below(r, 3);
    if (holders > p->actors)
        holders = p->actors;
    for (unsigned a = 0; a < p->actors; a++, left--) {
        if (random_below(r, left) >= holders)
            continue;
        holders--;
        p->plant[op].refs[a] = (uint8_t)random_between(r, 1, REFS);
        p->plant[op].hold[a] = style == 2 ? random_below(r, 2) : style;
        p->plant[op].site[a] = (uint8_t)random_below(r, SITES);
    }
}

/* Each hold is handed on at most once; plain references by number. */
static void plan__hands(struct plan *p, struct random *r)
{
    uint8_t given[OPS][ACTORS] = { { 0 } };
    unsigned wanted = random_below(r, 2) && !p->own ? random_below(r, HANDS + 1) : 0;
    for (unsigned i = 0; i < wanted; i++) {
        struct hand *h = &p->hand[p->hands];
        unsigned op = random_below(r, p->ops), from = random_below(r, p->actors);
        h->by = (uint8_t)random_below(r, p->actors);
        h->site = (uint8_t)random_below(r, SITES);
        h->kind = !p->plant[op].hold[from] ? HAND_PLAIN : random_below(r, 2) ? HAND_MOVE : HAND_DROP;
        if (given[op][from] >= p->plant[op].refs[from])
            continue;
        h->op = (uint8_t)op;
        h->from = (uint8_t)from;
        h->slot = given[op][from]++;
        p->hands++;
    }
}

static void plan__death(struct plan *p, struct random *r)
{
    p->death = random_below(r, 2) ? DEATH_NONE : (enum death)random_between(r, DEATH_QUIET, DEATH_POINT);
    p->busy_us = random_below(r, 400);
    p->point = random_between(r, 1, 60);
    for (unsigned i = 0; i < p->processes; i++)                 /* whoever made a shared pool may die as well as another */
        p->dies[i] = p->death != DEATH_NONE && (p->processes == 1 || random_below(r, 2));
}

void plan_draw(struct plan *p, uint64_t seed)
{
    struct random r;
    random_seed(&r, seed, 4);
    memset(p, 0, sizeof *p);
    p->seed = seed;
    plan__tracker(p, &r);
    p->processes = random_below(&r, 2) ? 1 : random_between(&r, 2, PROCESSES);
    p->actors = random_between(&r, p->processes, ACTORS);
    p->ops = random_between(&r, 1, OPS);
    p->noise = random_below(&r, 3) ? random_below(&r, 60) : 0;
    for (unsigned op = 0; op < p->ops; op++)
        plan__plant(p, &r, op);
    plan__hands(p, &r);
    plan__death(p, &r);
}

void plan_truth(const struct plan *p, struct truth *out)
{
    memset(out, 0, sizeof *out);
    for (unsigned op = 0; op < p->ops; op++)
        for (unsigned a = 0; a < p->actors; a++)
            out->held[op][a][p->plant[op].hold[a] ? 1 + p->plant[op].site[a] : 0] += p->plant[op].refs[a];
    for (unsigned i = 0; i < p->hands; i++) {
        const struct hand *h = &p->hand[i];
        if (h->kind == HAND_PLAIN)
            out->held[h->op][h->by][0]--;
        else
            out->held[h->op][h->from][1 + p->plant[h->op].site[h->from]]--;
        if (h->kind == HAND_MOVE)
            out->held[h->op][h->by][1 + h->site]++;
    }
}

void plan_print(const struct plan *p)
{
    static const char *const death[] = { "nobody dies", "killed while asleep", "killed in a loop", "killed at a point" };
    static const char *const hand[] = { "moves to itself", "drops", "gives back by a plain call" };
    printf("seed %llu: %s; %u processes, %u actors, %u ops, %u steps of noise each; %s", (unsigned long long)p->seed, p->spec, p->processes,
           p->actors, p->ops, p->noise, death[p->death]);
    for (unsigned i = 0; i < p->processes; i++)
        if (p->dies[i])
            printf(" process %u", i);
    if (p->death == DEATH_BUSY)
        printf(", after %u us", p->busy_us);
    if (p->death == DEATH_POINT)
        printf(", number %u", p->point);
    printf("\n");
    for (unsigned op = 0; op < p->ops; op++)
        for (unsigned a = 0; a < p->actors; a++)
            if (p->plant[op].refs[a])
                printf("  op %u: actor %u takes %u %s%.0u\n", op, a, p->plant[op].refs[a], p->plant[op].hold[a] ? "by holds of site " : "by plain calls",
                       p->plant[op].hold[a] ? p->plant[op].site[a] : 0);
    for (unsigned i = 0; i < p->hands; i++)
        printf("  op %u: actor %u %s what actor %u took\n", p->hand[i].op, p->hand[i].by, hand[p->hand[i].kind], p->hand[i].from);
}
