/* tests/test_shared_steps.c - a process of a shared pool dies at any instruction, and every op is somebody's, once.
 *
 * The child runs one instruction at a time (ptrace). After each the segment is what it would be had the child been killed there, and the parent,
 * which has it open, too, walks it: each op that was ever used must have exactly one owner: the depot, a writer that has it in a slot or in its
 * magazine in hand, or the writer that its stamp names. None is without, none has two. What recovery needs is there, then, at every instruction.
 *
 * Then the same with three processes at full speed that are killed at random moments, with an oracle in each op: nobody ever has one that another has.
 */
#include "child.h"

#define thread_start core_thread_start      /* support.h has one of its own */
#include "segment/segment.h"
#undef thread_start

#include <sys/mman.h>
#include <sys/ptrace.h>

enum { OPS = 24, MANY = 400, NOBODY = 0xffff, DEPOT = 0xfffe };

static char name[48];

static struct weir_pool *make(uint32_t capacity, uint32_t cache)
{
    struct weir_pool_config config = { .name = name, .capacity = capacity, .cache = cache, .buffer_size = 4096, .buffer_align = 4096,
                                       .user_size = 64, .flags = WEIR_POOL_SHARED };
    (void)weir_pool_unlink(name);
    return pool_from(&config);
}

/* -- the walk ------------------------------------------------------------------------------------------------------------------- */

struct owners {
    const struct segment *s;
    uint32_t of[MANY];
    char wrong[200];
};

static int owned(void *arg, uint32_t index, enum segment_place place, uint32_t id)
{
    struct owners *o = arg;
    uint32_t who = place < PLACE_SLOT ? DEPOT : id;
    if (index < MANY && (o->of[index] == NOBODY || (o->of[index] == who && who != DEPOT))) {
        o->of[index] = who;
        return 0;
    }
    snprintf(o->wrong, sizeof o->wrong, "op %u is in place %d (writer %u), and writer %u has it as well", (unsigned)index, (int)place,
             (unsigned)id, index < MANY ? (unsigned)o->of[index] : 0);
    return 1;
}

static const char *each_has_one_owner(struct owners *o, struct weir_pool *pool)
{
    const struct segment *s = pool->segment;
    uint64_t block = TOP_MAGAZINE(s->head->stack[STACK_VIRGIN].word);
    uint32_t used = block == SEGMENT_NIL ? s->shape.capacity : (uint32_t)block * s->shape.magazine;
    o->s = s;
    for (uint32_t i = 0; i < MANY; i++)
        o->of[i] = NOBODY;
    if (segment_walk(s, owned, o))
        return *o->wrong ? o->wrong : weir_error_message();
    for (uint32_t i = 0; i < used; i++) {
        uint32_t stamp = STAMP_OF(op_at(s, i)->pool);
        if (o->of[i] == NOBODY && !stamp) {
            snprintf(o->wrong, sizeof o->wrong, "op %u is nobody's", (unsigned)i);
            return o->wrong;
        }
        if (o->of[i] != NOBODY && stamp && stamp != o->of[i]) {
            snprintf(o->wrong, sizeof o->wrong, "op %u is stamped by writer %u, and %u has it", (unsigned)i, (unsigned)stamp, (unsigned)o->of[i]);
            return o->wrong;
        }
    }
    return NULL;
}

/* -- one instruction at a time ---------------------------------------------------------------------------------------------------- */

static const char *everything_once(void *arg)
{
    struct weir_op *ops[OPS + 1];
    struct weir_pool *pool = NULL;
    unsigned n = 0;
    NEED(weir_pool_open(&pool, name) == 0);
    NEED(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
    raise(SIGSTOP);
    while ((ops[n] = weir_op_get(pool)))                /* the depot, fresh blocks, what the parent has cached */
        n++;
    put_all(ops, n);
    weir_op_put(weir_op_at(pool, *(uint32_t *)arg));    /* one that the parent took */
    weir_thread_flush(pool);
    n = weir_op_get_bulk(pool, ops, 7);
    for (unsigned i = 0; i < n; i++)
        weir_op_put_to(weir_cache_get(pool), ops[i]);
    (void)weir_pool_trim(pool);
    n = weir_op_get_bulk(pool, ops, OPS - 2);
    NEED(n == OPS - 2);
    weir_op_put_bulk(ops, n);
    NEED(weir_pool_close(pool) == 0);
    raise(SIGSTOP);
    return NULL;
}

/* What the child has begun came to pass, and it stands before the next store: what says so is overwritten by us. */
static bool meddle(struct weir_pool *pool, uint64_t *last)
{
    const struct segment *s = pool->segment;
    uint32_t own = proxy_of(thread_cache_if_any(pool))->id, w;
    for (w = 1; w < s->head->writers_ready; w++) {
        uint64_t i = writer_at(s, w)->intends;
        if (w == own || INTENT_OP(i) == INTENT_NONE || i == *last || !segment_intent_came_true(s, w))
            continue;
        *last = i;
        weir_thread_flush(pool);
        put_all((struct weir_op *[]){ weir_op_get(pool) }, 1);  /* leaves some for the child to steal */
        return true;
    }
    return false;
}

/* All that others cache goes to the depot. */
static bool steal(struct weir_pool *pool)
{
    uint64_t before = stats_of(pool).steals;
    store_release_32(&pool->segment->head->dirty, DIRTY);
    (void)segment_sweep(proxy_of(thread_cache_if_any(pool)));
    weir_thread_flush(pool);
    return stats_of(pool).steals > before;
}

static uint32_t next_random(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    *x ^= *x << 5;
    return *x;
}

enum how { ALONE, MEDDLING, STEALING };

static void step_through(enum how how)
{
    uint32_t x = 20260101;
    struct owners *o = calloc(1, sizeof *o);
    struct weir_op *held[6];
    struct weir_pool *pool = make(OPS, 4);
    unsigned long steps = 0, meddled = 0;
    uint64_t last = 0;
    uint32_t given;
    const char *wrong = NULL;
    int status;
    pid_t pid;
    for (int i = 0; i < 6; i++)
        held[i] = weir_op_get(pool);
    put_all(held, 3);
    given = weir_op_index(held[3]);
    pid = child_start(everything_once, &given);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    do {
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, 0, 0), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        wrong = each_has_one_owner(o, pool);
        bool now = next_random(&x) % (how == STEALING ? 32 : 2) == 0 && meddled < 120;  /* and no more, so that the child gets on */
        if (!wrong && now && ((how == MEDDLING && meddle(pool, &last)) || (how == STEALING && steal(pool)))) {
            meddled++;
            wrong = each_has_one_owner(o, pool);
        }
        steps++;
    } while (!wrong && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
    if (wrong)
        fail_msg("after %lu instructions: %s", steps, wrong);
    print_message("%lu instructions, meddled with %lu times\n", steps, meddled);
    assert_true(meddled > 10 || how == ALONE);
    assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    assert_int_equal(ptrace(PTRACE_CONT, pid, 0, 0), 0);
    assert_right(child_end(pid));
    put_all(held + 4, 2);
    close_quiet(pool);
    free(o);
}

static void every_op_has_one_owner_at_every_instruction(void **state)
{
    (void)state;
    step_through(ALONE);
}

static void also_when_others_overwrite_what_says_that_a_step_was_taken(void **state)
{
    (void)state;
    step_through(MEDDLING);
}

static void also_when_its_cache_is_stolen_from_at_any_of_them(void **state)
{
    (void)state;
    step_through(STEALING);
}

/* -- killed anywhere -------------------------------------------------------------------------------------------------------------- */

struct mailbox {
    _Atomic uint32_t slot[8];           /* index + 1 of an op that whoever takes it puts */
    _Atomic uint32_t doubled;
    _Atomic uint64_t rounds;
};

/* The oracle: a word in the user area that says who has the op. */
static void mark(struct mailbox *box, struct weir_op *op, uint32_t from, uint32_t to)
{
    if (atomic_exchange((_Atomic uint32_t *)weir_op_user(op), to) != from)
        box->doubled++;
}

struct killed {
    struct mailbox *box;
    uint32_t seed;
};

static void use_one(struct weir_pool *pool, struct mailbox *box, struct weir_op **ops, unsigned *n, uint32_t r)
{
    uint32_t was;
    if (r % 3 && *n < 40) {
        if ((ops[*n] = weir_op_get(pool))) {
            mark(box, ops[*n], 0, 1);
            ++*n;
        }
    } else if (*n && r % 64 == 0) {             /* through another process */
        mark(box, ops[--*n], 1, 2);
        was = atomic_exchange(&box->slot[r / 64 % 8], weir_op_index(ops[*n]) + 1);
        if (was) {
            mark(box, weir_op_at(pool, was - 1), 2, 0);
            weir_op_put(weir_op_at(pool, was - 1));
        }
    } else if (*n) {
        mark(box, ops[--*n], 1, 0);
        weir_op_put(ops[*n]);
    }
}

static const char *use_until_killed(void *arg)
{
    struct killed *k = arg;
    uint32_t x = k->seed;
    struct weir_op *ops[40];
    unsigned n = 0;
    struct weir_pool *pool = NULL;
    NEED(weir_pool_open(&pool, name) == 0);
    for (;;) {
        uint32_t r = next_random(&x);
        use_one(pool, k->box, ops, &n, r);
        if (r % 1021 == 0)
            weir_thread_flush(pool);
        if (r % 4093 == 0)
            (void)weir_pool_trim(pool);
        k->box->rounds++;
    }
}

static void who_is_killed_anywhere_loses_and_doubles_nothing(void **state)
{
    struct mailbox *box = mmap(NULL, sizeof *box, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct owners *o = calloc(1, sizeof *o);
    uint32_t seed = (uint32_t)now_ns() | 1;
    (void)state;
    print_message("seed %u\n", (unsigned)seed);
    for (int round = 0; round < 12; round++) {
        struct weir_pool *pool = make(MANY, round % 2 ? 0 : 8);
        struct killed k[3];
        pid_t pid[3];
        const char *wrong;
        memset(box, 0, sizeof *box);
        for (int i = 0; i < 3; i++) {
            k[i] = (struct killed){ box, next_random(&seed) | 1 };
            pid[i] = child_start(use_until_killed, &k[i]);
        }
        assert_true(EVENTUALLY(box->rounds > 20000));
        for (int i = 0; i < 3; i++) {
            nap_us((long)(next_random(&seed) % 3000));
            assert_int_equal(kill(pid[i], SIGKILL), 0);
            assert_true(WIFSIGNALED(child_status(pid[i])));
        }
        wrong = each_has_one_owner(o, pool);
        if (wrong)
            fail_msg("round %d: %s", round, wrong);
        assert_int_equal(box->doubled, 0);
        assert_int_equal(weir_pool_check(pool), 0);
        assert_int_equal(weir_pool_close(pool), 0);
    }
    (void)weir_pool_unlink(name);
    free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_op_has_one_owner_at_every_instruction),
        cmocka_unit_test(also_when_others_overwrite_what_says_that_a_step_was_taken),
        cmocka_unit_test(also_when_its_cache_is_stolen_from_at_any_of_them),
        cmocka_unit_test(who_is_killed_anywhere_loses_and_doubles_nothing),
    };
    snprintf(name, sizeof name, "test-steps-%ld", (long)getpid());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
