/* tests/fuzz/fuzz_rundown.c - sequences of the calls of rundowns, in both forms, and of weir_ref, from two threads in turn, with a model.
 *
 * The model     for a rundown: operations in progress, whether it was closed, how often `done` has run, which must be once, at the last release
 *               after close or at close itself. For a weir_ref its count.
 * Callers' bugs are made as well where they must panic at once: a release too many, a second close, an additional count from 0.
 * Goes wrong    fuzz_fail, or a sanitizer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

#include "fuzz.h"

enum { THINGS = 4, COMMANDS_MOST = 4000 };
enum form { FORM_WORD, FORM_SHARDED, FORM_REF };

struct thing {
    enum form form;
    bool there, closed;
    struct weir_rundown word;
    struct weir_rundown_sharded *sharded;
    struct weir_ref ref;
    uint32_t count;             /* in progress, or references */
    unsigned done, twice;       /* twice: for which done function */
};

static struct thing things[THINGS];

enum call { CALL_RELEASE, CALL_CLOSE, CALL_REF_GET, CALL_REF_PUT };

struct called {
    enum call call;
    struct thing *thing;
    bool answer;
};

static void rundown__done(void *arg)
{
    struct thing *t = arg;
    t->done += t->twice ? 2 : 1;
}

static void rundown__done_otherwise(void *arg)
{
    struct thing *t = arg;
    t->done += t->twice ? 1 : 2;                            /* 2: the wrong function */
}

static void rundown__call(void *arg)
{
    struct called *c = arg;
    struct thing *t = c->thing;
    void (*done)(void *) = t->twice ? rundown__done_otherwise : rundown__done;
    switch (c->call) {
    case CALL_RELEASE: t->form == FORM_WORD ? weir_rundown_release(&t->word) : weir_rundown_sharded_release(t->sharded); break;
    case CALL_CLOSE: t->form == FORM_WORD ? weir_rundown_close(&t->word, done, t) : weir_rundown_sharded_close(t->sharded, done, t); break;
    case CALL_REF_GET: weir_ref_get(&t->ref); break;
    case CALL_REF_PUT: c->answer = weir_ref_put(&t->ref); break;
    }
}

static bool rundown__must(struct thing *t, enum call call, bool panic)
{
    struct called c = { call, t, false };
    if (fuzz_panics(rundown__call, &c) != panic)
        fuzz_fail("call %d on form %d with %u, %s: it should%s have panicked", (int)call, (int)t->form, (unsigned)t->count,
                  t->closed ? "closed" : "open", panic ? "" : " not");
    return c.answer;
}

static void rundown__look(struct thing *t)
{
    int want = t->closed && !t->count ? 0 : -ETIMEDOUT, got;
    if (t->form == FORM_REF) {
        FUZZ_NEED(weir_ref_count(&t->ref) == t->count);
        return;
    }
    if (t->done != (t->closed && !t->count))
        fuzz_fail("done has run %u times, %u are in progress, it is %s", t->done, (unsigned)t->count, t->closed ? "closed" : "open");
    got = t->form == FORM_WORD ? weir_rundown_wait(&t->word, 0) : weir_rundown_sharded_wait(t->sharded, 0);
    FUZZ_NEED(got == want);
}

static void rundown__make(struct thing *t, struct fuzz_input *in)
{
    unsigned shards;
    memset(t, 0, sizeof *t);
    t->form = (enum form)(fuzz_u8(in) % 3);
    t->twice = fuzz_u8(in) & 1;
    if (t->form == FORM_WORD) {
        weir_rundown_init(&t->word);
    } else if (t->form == FORM_REF) {
        weir_ref_init(&t->ref, NULL, t);
        t->count = 1;
    } else {
        shards = fuzz_below(in, 16) == 15 ? fuzz_u32(in) : fuzz_below(in, 9);
        if (shards > 4096) {
            FUZZ_NEED(weir_rundown_sharded_create(&t->sharded, shards) == -EINVAL && weir_rundown_sharded_create(NULL, 1) == -EINVAL);
            return;
        }
        FUZZ_NEED(weir_rundown_sharded_create(&t->sharded, shards) == 0);
    }
    t->there = true;
}

static void rundown__acquire(struct thing *t)
{
    bool got;
    if (t->form == FORM_REF) {
        rundown__must(t, CALL_REF_GET, t->count == 0);
        t->count += t->count != 0;
        return;
    }
    got = t->form == FORM_WORD ? weir_rundown_acquire(&t->word) : weir_rundown_sharded_acquire(t->sharded);
    FUZZ_NEED(got == !t->closed);
    t->count += got;
}

/* A sharded rundown finds a release too many only when it is closed: not made here. */
static void rundown__release(struct thing *t)
{
    bool bug = t->count == 0;
    if (bug && t->form == FORM_SHARDED)
        return;
    if (!bug)
        t->count--;
    if (rundown__must(t, t->form == FORM_REF ? CALL_REF_PUT : CALL_RELEASE, bug) != (!bug && t->form == FORM_REF && t->count == 0))
        fuzz_fail("weir_ref_put answered wrongly, %u references are left", (unsigned)t->count);
}

static void rundown__close(struct thing *t)
{
    bool got;
    if (t->form == FORM_REF) {
        got = weir_ref_get_unless_zero(&t->ref);
        FUZZ_NEED(got == (t->count != 0));
        t->count += got;
        return;
    }
    rundown__must(t, CALL_CLOSE, t->closed);
    t->closed = true;
}

static void rundown__end(struct thing *t)
{
    if (t->form == FORM_SHARDED && t->count)
        FUZZ_NEED(weir_rundown_sharded_destroy(t->sharded) == -EBUSY);
    if (t->form != FORM_REF && !t->closed)
        rundown__close(t);
    while (t->count)
        rundown__release(t);
    rundown__look(t);
    if (t->form == FORM_SHARDED)
        FUZZ_NEED(weir_rundown_sharded_destroy(t->sharded) == 0);
    t->there = false;
}

static void rundown__command(void *arg)
{
    struct fuzz_input *in = arg;
    uint8_t command = fuzz_u8(in);
    struct thing *t = &things[(command >> 4) % THINGS];
    if (!t->there) {
        rundown__make(t, in);
        return;
    }
    switch (command & 15) {
    case 0: case 1: case 2: rundown__acquire(t); break;
    case 3: case 4: case 5: rundown__release(t); break;
    case 6: rundown__close(t); break;
    case 7: rundown__end(t); return;
    case 8: for (unsigned n = fuzz_u8(in); n; n--) rundown__acquire(t); break;
    case 9: for (unsigned n = fuzz_u8(in); n; n--) rundown__release(t); break;
    default: break;
    }
    rundown__look(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size, 0 };
    fuzz_panics(NULL, NULL);
    for (unsigned n = 0; fuzz_more(&in) && n < COMMANDS_MOST; n++) {
        if (in.data[in.at] & 0x80)
            fuzz_on_second_thread(rundown__command, &in);
        else
            rundown__command(&in);
    }
    for (int i = 0; i < THINGS; i++)
        if (things[i].there)
            rundown__end(&things[i]);
    return 0;
}
