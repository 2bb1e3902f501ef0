/* names.c - what each tracker can name: ops whose holders are known, read by weir_leaks.
 *
 * In each scene threads take references of one op, one thread after the other, and end; so each thread is a holder, and what it holds is the truth. A
 * reading is compared with it: a certified one that is wrong fails the program.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/weir.h>
#include <weir/track.h>

#include "track.h"

enum { HOLDERS = 12, REFS = 5 };

const struct scene scenes[] = {
    { "1x1", "one holder, one reference", 1, 1, false, false },
    { "1x3", "one holder, three references", 1, 3, false, false },
    { "2x1", "two holders, one each", 2, 1, false, false },
    { "4x2", "four holders, two each", 4, 2, false, false },
    { "5x1", "five holders", 5, 1, false, false },
    { "8x1", "eight holders", 8, 1, false, false },
    { "12x1", "twelve holders", 12, 1, false, false },
    { "handed", "one took two, another gave one back: plain calls", 1, 2, false, true },
    { "moved", "four holds, each moved to another thread", 4, 1, true, true },
};
const unsigned scenes_n = sizeof scenes / sizeof *scenes;

static struct {
    const struct scene *scene;
    struct weir_pool *pool;
    struct weir_op *op;
    weir_hold hold[HOLDERS];
    int64_t tid[HOLDERS + 1];
    struct named *named;
    unsigned thread;
} stage;

static void names__in_a_thread(void *(*run)(void *), unsigned thread)
{
    pthread_t t;
    stage.thread = thread;
    if (pthread_create(&t, NULL, run, NULL) != 0)
        abort();
    pthread_join(t, NULL);
}

/* The first has the op by its get. */
static void *names__take(void *arg)
{
    unsigned n = stage.scene->refs;
    (void)arg;
    stage.tid[stage.thread] = gettid();
    if (stage.scene->holds) {
        stage.hold[stage.thread] = weir_hold_take(stage.op);
        return NULL;
    }
    if (stage.thread == 0) {
        stage.op = weir_op_get(stage.pool);
        n--;
    }
    for (unsigned i = 0; i < n && stage.op; i++)
        weir_op_ref(stage.op);
    return NULL;
}

static void *names__hand_over(void *arg)
{
    (void)arg;
    if (stage.scene->holds) {
        stage.tid[stage.thread] = gettid();
        stage.hold[stage.thread] = weir_hold_move(stage.op, stage.hold[stage.thread]);
    } else {
        (void)weir_op_unref(stage.op);
    }
    return NULL;
}

/* What thread i holds in truth. */
static int32_t names__true_refs(unsigned i)
{
    const struct scene *s = stage.scene;
    return s->holds ? 1 : (int32_t)s->refs - (s->handed && i == 0);
}

/* A holder can stand there several times, once for each of its sites. */
static int names__look(const struct weir_leak *leak, void *arg)
{
    struct named *n = stage.named;
    int32_t total = 0, refs;
    (void)arg;
    if (leak->object != weir_op_buffer(stage.op))
        return 0;
    n->read = true;
    n->how = (int)leak->certainty;
    for (unsigned i = 0; i < leak->holders; i++)
        total += leak->holder[i].refs;
    for (unsigned i = 0; i < stage.scene->holders; i++) {
        refs = 0;
        for (unsigned k = 0; k < leak->holders; k++)
            if (leak->holder[k].pid == getpid() && leak->holder[k].tid == stage.tid[i])
                refs += leak->holder[k].refs;
        n->named += refs != 0;
        n->right += refs == names__true_refs(i);
    }
    n->wrong = leak->certainty == WEIR_CERTIFIED && (n->right != stage.scene->holders || total != (int32_t)leak->refs);
    return 0;
}

static void names__play(unsigned c, unsigned s)
{
    const struct scene *scene = &scenes[s];
    memset(stage.tid, 0, sizeof stage.tid);
    stage.scene = scene;
    stage.named = &bench_track.of[c].named[s];
    stage.op = scene->holds ? weir_op_get(stage.pool) : NULL;
    for (unsigned i = 0; i < scene->holders; i++)
        names__in_a_thread(names__take, i);
    for (unsigned i = 0; scene->handed && i < (scene->holds ? scene->holders : 1); i++)
        names__in_a_thread(names__hand_over, i);
    if (scene->holds)                                           /* the op's first reference goes: the holds alone are left */
        (void)weir_op_unref(stage.op);
    weir_leaks(stage.pool, 0, names__look, NULL);
    if (stage.named->wrong)
        track_failed(c, "a certified reading is wrong");
    if (scene->holds)
        for (unsigned i = 0; i < scene->holders; i++)
            (void)weir_hold_drop(stage.op, stage.hold[i]);
    else
        while (!weir_op_unref(stage.op))
            continue;
}

void names_all(void)
{
    for (unsigned c = 0; c < tracker_cases_n; c++) {
        struct weir_pool_config config = { .name = "track-names", .capacity = 64, .buffer_size = 64, .debug = tracker_cases[c].spec };
        if (!bench_track.wanted[c] || !tracker_cases[c].tracks || tracker_cases[c].sampled || bench_track.of[c].failed[0])
            continue;
        if (weir_pool_create(&stage.pool, &config) != 0) {
            track_failed(c, weir_error_message());
            continue;
        }
        for (unsigned s = 0; s < scenes_n; s++)
            names__play(c, s);
        if (weir_pool_close(stage.pool) != 0)
            track_failed(c, weir_error_message());
    }
}
