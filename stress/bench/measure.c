/* measure.c - a pattern's measurements, peers taking turns.
 *
 * All peers' programs of a pattern run, asleep but for the one that is measured. In each round each case is measured for each peer, one after the
 * other, and the order rotates, so that what the machine does meanwhile hits all alike; a ratio is taken within a round.
 *
 * After a few rounds the programs end and new ones begin: where a process's stack, heap and pages happen to lie moves a burst by a fifth, the same
 * in all of its rounds. Cases with objects of another size have programs of their own, too.
 */
#include "process.h"

#include <stdlib.h>

enum { ROUNDS_OF_A_LIFE = 8 };

static struct bench_request measure__request(const struct pattern *p, const struct bench_case *c)
{
    return (struct bench_request){ .work = c->work, .unit = p->unit, .threads = c->threads, .n = { c->n[0], c->n[1], c->n[2] },
                                   .buffer = c->buffer, .seconds = bench.seconds > 0 ? bench.seconds : p->seconds };
}

static void measure__one(unsigned pattern, unsigned c, struct process *process, unsigned round)
{
    const struct pattern *p = &bench_patterns[pattern];
    struct bench_request request = measure__request(p, &p->cases[c]);
    struct result *r = &bench.result[pattern][c][process->peer];
    struct bench_answer answer;
    if (!process->pid || !(process->works >> request.work & 1) || !process_ask(process, &request, &answer))
        return;
    for (unsigned i = 0; i < BENCH_VALUES; i++)
        r->value[i][round] = answer.value[i];
    r->rounds = round + 1;
}

static void measure__close(unsigned pattern, struct process *process)
{
    struct closing *grown, closing = { .pattern = pattern, .peer = process->peer };
    if (!process->pid || !process_end(process, &closing.farewell) || !closing.farewell.capacity)
        return;
    grown = realloc(bench.closing, (bench.closings + 1) * sizeof *grown);
    if (!grown)
        abort();
    bench.closing = grown;
    bench.closing[bench.closings++] = closing;
}

/* Rounds [from, to) of cases [first, end), whose objects are of one size. */
static void measure__life(unsigned pattern, unsigned first, unsigned end, unsigned from, unsigned to)
{
    static struct process processes[BENCH_PEERS_MOST];
    const struct pattern *p = &bench_patterns[pattern];
    unsigned n = 0;
    for (unsigned i = 0; i < bench_peers_n; i++)
        if (bench.wanted_peer[i] && (bench_peers[i].groups & p->group) &&
            process_start(&processes[n], i, pattern, pattern_capacity(p, &p->cases[first]), p->cases[first].size, pattern_threads(p)))
            n++;
    for (unsigned round = from; round < to; round++)
        for (unsigned c = first; c < end; c++)
            for (unsigned turn = 0; turn < n; turn++)
                measure__one(pattern, c, &processes[(turn + round + c) % n], round);
    for (unsigned i = 0; i < n; i++)
        measure__close(pattern, &processes[i]);
}

static void measure__set(unsigned pattern, unsigned first, unsigned end)
{
    unsigned rounds = bench.rounds ? bench.rounds : bench_patterns[pattern].rounds;
    for (unsigned from = 0, to; from < rounds; from = to) {
        to = from + ROUNDS_OF_A_LIFE < rounds ? from + ROUNDS_OF_A_LIFE : rounds;
        measure__life(pattern, first, end, from, to);
    }
}

/* A pattern for two processors where there is one would measure something else. */
static bool measure__possible(const struct pattern *p)
{
    return bench.processors >= BENCH_PROCESSORS || p->cases[0].work != BENCH_HANDOFF;
}

void bench_measure(unsigned pattern)
{
    const struct pattern *p = &bench_patterns[pattern];
    if (!measure__possible(p))
        return;
    for (unsigned first = 0, end; first < p->cases_n; first = end) {
        for (end = first; end < p->cases_n && p->cases[end].size == p->cases[first].size;)
            end++;
        measure__set(pattern, first, end);
    }
}
