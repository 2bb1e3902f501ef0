/* test_serve_load.c - weir-serve when it has too little or its clients are rude: few ops, few descriptors, resets, clients that say
 * nothing, and the drain in the middle of all that. Every op must come back, and whoever asked properly is answered.
 */
#define _GNU_SOURCE
#include "serve_process.h"
#include "serve_client.h"

enum { CROWD = 100, ROUNDS = SCALED(20, 5), CALLERS = 8, RUDE = 4, VISITS = SCALED(1000, 200) };

static const char get_page[] = REQUEST("GET", "/");
static const char get_stats[] = REQUEST("GET", "/stats");

static struct client *crowd[CROWD];

static void crowd_comes(uint16_t number, int n)
{
    for (int i = 0; i < n; i++)
        crowd[i] = client_open(number);
}

static void crowd_goes(int n)
{
    for (int i = 0; i < n; i++)
        client_close(crowd[i]);
}

/* All ask at once, then all are answered. */
static void crowd_asks(int n, const char *request)
{
    for (int i = 0; i < n; i++)
        assert_true(client_say(crowd[i], request));
    for (int i = 0; i < n; i++) {
        assert_right(client_hear(crowd[i], false));
        assert_int_equal(crowd[i]->status, 200);
    }
}

/* -- too few ops ------------------------------------------------------------------------------------------------------------- */

static void hundred_connections_share(const char *capacity)
{
    struct serve s = serve_start("--capacity", capacity);
    crowd_comes(s.number, CROWD);
    for (int round = 0; round < ROUNDS; round++)
        crowd_asks(CROWD, round % 4 ? get_page : get_stats);
    assert_right(client_ask(crowd[0], get_stats));
    assert_true(client_number(crowd[0]->body, "\"pool\"", "peak") <= atoi(capacity));
    assert_int_equal(client_number(crowd[0]->body, "\"connections\"", "waiting"), 0);
    crowd_goes(CROWD);
    serve_stop(&s);
    assert_int_equal(s.requests, CROWD * ROUNDS + 1);
}

static void eight_ops_serve_a_hundred_connections(void **state)
{
    (void)state;
    hundred_connections_share("8");
}

static void two_ops_serve_a_hundred_connections(void **state)
{
    (void)state;
    hundred_connections_share("2");
}

/* Clients that don't read what they asked for keep their ops, until they are cut off. */
static void who_does_not_read_is_cut_off_when_others_wait(void **state)
{
    struct serve s = serve_start("--capacity", "8", "--timeout", "1");
    char *flood = calloc(4096, sizeof get_page);
    (void)state;
    for (int i = 0; i < 4096; i++)
        strcpy(flood + (size_t)i * (sizeof get_page - 1), get_page);
    for (int i = 0; i < 16; i++) {
        weir_handle handle = net_connect(s.number);
        struct timeval moment = { 0, 100000 };
        net_small_buffers(handle);
        crowd[i] = client_adopt(handle);
        setsockopt((int)handle, SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof moment);
        for (int more = 0; more < 100 && net_send(handle, flood, strlen(flood)); more++) {
        }
    }
    free(flood);
    crowd[16] = client_open(s.number);
    assert_right(client_ask(crowd[16], get_page));
    assert_int_equal(crowd[16]->status, 200);
    crowd_goes(17);
    serve_stop(&s);
}

/* -- too few descriptors ----------------------------------------------------------------------------------------------------- */

static const char *one_visit(void *arg)
{
    struct client *c = client_open(*(uint16_t *)arg);
    NEED(!client_ask(c, get_page));
    NEED(c->status == 200);
    client_close(c);
    return NULL;
}

static void connections_beyond_the_limit_wait_until_others_go(const char *option, const char *value, rlim_t descriptors)
{
    struct serve s = serve_start_with(descriptors, (const char *const[SERVE_ARGUMENTS + 1]){ option, value });
    struct thread late[CALLERS];
    crowd_comes(s.number, 60);
    for (int i = 0; i < CALLERS; i++)
        thread_start(&late[i], one_visit, &s.number);
    crowd_asks(10, get_page);
    for (int i = 0; i < 60; i++) {              /* each is served before it goes: the room for it was made by those before */
        assert_right(client_ask(crowd[i], get_page));
        client_close(crowd[i]);
    }
    for (int i = 0; i < CALLERS; i++)
        thread_join(&late[i]);
    serve_stop(&s);
    assert_int_equal(s.requests, 10 + 60 + CALLERS);
}

static void with_few_descriptors_everybody_is_served_in_the_end(void **state)
{
    (void)state;
    connections_beyond_the_limit_wait_until_others_go("--connections", "1000", 40);
}

static void the_limit_of_connections_is_kept_and_everybody_served(void **state)
{
    (void)state;
    connections_beyond_the_limit_wait_until_others_go("--connections", "10", 0);
}

/* -- rude clients ------------------------------------------------------------------------------------------------------------ */

struct caller {
    uint16_t number;
    unsigned seed;
    atomic_bool *stop;
    long long answered;
};

static unsigned caller_choice(struct caller *a, unsigned n)
{
    a->seed = a->seed * 1103515245 + 12345;
    return (a->seed >> 16) % n;
}

/* Says something or half of it, hears nothing or a little, and is gone by a reset. */
static const char *rude(void *arg)
{
    struct caller *a = arg;
    for (int i = 0; i < VISITS; i++) {
        weir_handle handle = net_try_connect(a->number);
        unsigned asked = caller_choice(a, 5);
        struct client *c;
        NEED(handle != -1);
        c = client_adopt(handle);
        for (unsigned n = 0; n < asked; n++)
            client_say(c, get_page);
        net_send(handle, get_stats, caller_choice(a, sizeof get_stats));
        if (asked && caller_choice(a, 2))
            (void)client_more(c);
        if (caller_choice(a, 4))
            client_reset(c);
        else
            client_close(c);
    }
    return NULL;
}

static const char *polite(void *arg)
{
    struct caller *a = arg;
    struct client *c = client_open(a->number);
    while (!atomic_load(a->stop)) {
        NEED(!client_ask(c, caller_choice(a, 16) ? get_page : get_stats));
        NEED(c->status == 200);
        a->answered++;
    }
    client_close(c);
    return NULL;
}

static void resets_hurt_nobody_else(void **state)
{
    struct serve s = serve_start("--capacity", "64");
    struct thread threads[RUDE + CALLERS];
    struct caller callers[RUDE + CALLERS] = { 0 };
    atomic_bool stop = false;
    long long answered = 0;
    (void)state;
    for (int i = 0; i < RUDE + CALLERS; i++) {
        callers[i] = (struct caller){ .number = s.number, .seed = (unsigned)i, .stop = i < RUDE ? NULL : &stop };
        thread_start(&threads[i], i < RUDE ? rude : polite, &callers[i]);
    }
    for (int i = 0; i < RUDE; i++)
        thread_join(&threads[i]);
    atomic_store(&stop, true);
    for (int i = RUDE; i < RUDE + CALLERS; i++) {
        thread_join(&threads[i]);
        answered += callers[i].answered;
    }
    serve_stop(&s);
    assert_true(answered > 0);
    assert_true(s.requests >= answered);
}

/* -- the drain --------------------------------------------------------------------------------------------------------------- */

/* Until the server goes. What it answers, it answers whole. */
static const char *until_the_end(void *arg)
{
    struct caller *a = arg;
    for (;;) {
        weir_handle handle = net_try_connect(a->number);
        struct client *c;
        if (handle == -1)
            return NULL;
        c = client_adopt(handle);
        while (client_say(c, get_page) && (c->end > c->at || client_more(c) == 1)) {
            NEED(!client_hear(c, false));
            NEED(c->status == 200);
            a->answered++;
            if (c->close)
                break;
        }
        client_close(c);
    }
}

static void a_drain_under_load_loses_no_op(const char *capacity)
{
    struct serve s = serve_start("--capacity", capacity, "--threads", "4");
    struct thread threads[CALLERS + RUDE];
    struct caller callers[CALLERS + RUDE];
    struct client *c = client_open(s.number);
    long long answered = 0, seen;
    for (int i = 0; i < CALLERS + RUDE; i++) {
        callers[i] = (struct caller){ .number = s.number, .seed = (unsigned)i };
        thread_start(&threads[i], until_the_end, &callers[i]);
    }
    do {                                        /* it is at work */
        assert_right(client_ask(c, get_stats));
        seen = client_number(c->body, NULL, "requests");
    } while (seen < 2000);
    client_close(c);
    serve_stop(&s);
    for (int i = 0; i < CALLERS + RUDE; i++) {
        thread_join(&threads[i]);
        answered += callers[i].answered;
    }
    assert_true(answered > 0);
    assert_true(s.requests >= answered);
}

static void a_drain_under_load_ends_with_every_op_back(void **state)
{
    (void)state;
    a_drain_under_load_loses_no_op("65536");
}

static void a_drain_with_too_few_ops_does_too(void **state)
{
    (void)state;
    a_drain_under_load_loses_no_op("4");
}

#ifndef WEIR_WITHOUT_LAYER
/* -- followed ---------------------------------------------------------------------------------------------------------------- */

/* Ops that go from thread to thread, references of the log, records for another process, connections: all come back, and the layer, which ends a process
 * that leaks with 23, agrees. */
static void nothing_leaks_while_followed(const char *debug, const char *capacity)
{
    struct serve s = serve_start("--log", "/dev/null", "--sink", "--capacity", capacity, "--threads", "4", "--debug", debug);
    struct thread threads[CALLERS];
    struct caller callers[CALLERS];
    struct client *c = client_open(s.number);
    long long seen;
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){ .number = s.number, .seed = (unsigned)i };
        thread_start(&threads[i], until_the_end, &callers[i]);
    }
    do {
        assert_right(client_ask(c, get_stats));
        seen = client_number(c->body, NULL, "requests");
    } while (seen < 1000);
    client_close(c);
    serve_stop(&s);
    for (int i = 0; i < CALLERS; i++)
        thread_join(&threads[i]);
}

static void a_followed_server_with_a_log_and_a_sink_leaks_nothing(void **state)
{
    (void)state;
    nothing_leaks_while_followed("track=sketch,journal=4,exit=23", "65536");
}

static void a_sampled_one_does_not_either_when_connections_take_turns(void **state)
{
    (void)state;
    nothing_leaks_while_followed("guard,track=slots,sample=3,exit=23", "6");
}
#endif

static bool refuses(uint16_t number)
{
    weir_handle handle = net_try_connect(number);
    if (handle == -1)
        return true;
    net_close(handle);
    return false;
}

static void a_drain_ends_idle_connections_and_finishes_requests(void **state)
{
    struct serve s = serve_start("--drain", "1000", "--capacity", "12");       /* four of the idle ones wait with a buffer */
    struct client *begun = client_open(s.number);
    (void)state;
    crowd_comes(s.number, 10);
    crowd_asks(10, get_page);
    assert_true(client_say(begun, "GET /stats HTT"));
    assert_right(client_ask(crowd[0], get_page));       /* it has read the half request by now, or will find it */
    serve_signal(&s);
    for (int i = 0; i < 10; i++)
        assert_right(client_hear_end(crowd[i]));
    assert_true(EVENTUALLY(refuses(s.number)));
    assert_right(client_ask(begun, "P/1.1\r\nHost: test\r\n\r\n"));
    assert_int_equal(begun->status, 200);
    assert_true(begun->close);
    assert_right(client_hear_end(begun));
    client_close(begun);
    crowd_goes(10);
    serve_stop(&s);
    assert_int_equal(s.requests, 12);
}

static void a_drain_cuts_off_who_never_ends(void **state)
{
    struct serve s = serve_start("--drain", "1");
    struct client *c = client_open(s.number);
    (void)state;
    assert_right(client_ask(c, get_page));
    assert_true(client_say(c, "GET / HTTP/1.1\r\nHost:"));
    assert_int_equal(kill(s.pid, 0), 0);
    serve_stop(&s);
    client_close(c);
}

static void silent_connections_end_after_their_time(void **state)
{
    struct serve s = serve_start("--timeout", "1", "--capacity", "8");
    (void)state;
    crowd_comes(s.number, 20);
    assert_right(client_ask(crowd[3], get_page));
    assert_true(client_say(crowd[4], "GET / HT"));
    for (int i = 0; i < 20; i++)
        assert_right(client_hear_end(crowd[i]));
    crowd_goes(20);
    serve_stop(&s);
}

/* -- starting ---------------------------------------------------------------------------------------------------------------- */

static int ends_with(const char *option, const char *value)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        freopen("/dev/null", "w", stderr);
        execl(WEIR_SERVE, WEIR_SERVE, option, value, (char *)NULL);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void what_is_wrong_on_the_command_line_is_told(void **state)
{
    struct serve s = serve_start(NULL);
    char taken[16];
    (void)state;
    snprintf(taken, sizeof taken, "%u", s.number);
    assert_int_equal(ends_with("--port", taken), 1);
    assert_int_equal(ends_with("--port", "65536"), 2);
    assert_int_equal(ends_with("--capacity", "1"), 2);
    assert_int_equal(ends_with("--capacity", "many"), 2);
    assert_int_equal(ends_with("--threads", "-1"), 2);
    assert_int_equal(ends_with("--nothing", "1"), 2);
    assert_int_equal(ends_with("--json", "1"), 2);
    assert_int_equal(ends_with("--fault", "unref"), 2);
    assert_int_equal(ends_with("--fault", "unref:0"), 2);
    assert_int_equal(ends_with("--fault", "worker:1"), 2);
    assert_int_equal(ends_with("--fault", "nothing:1"), 2);
    assert_int_equal(ends_with("--debug", "track=nothing"), 1);
    assert_int_equal(ends_with("--log", "/nowhere/at/all"), 1);
    serve_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eight_ops_serve_a_hundred_connections),
        cmocka_unit_test(two_ops_serve_a_hundred_connections),
        cmocka_unit_test(who_does_not_read_is_cut_off_when_others_wait),
        cmocka_unit_test(with_few_descriptors_everybody_is_served_in_the_end),
        cmocka_unit_test(the_limit_of_connections_is_kept_and_everybody_served),
        cmocka_unit_test(resets_hurt_nobody_else),
        cmocka_unit_test(a_drain_under_load_ends_with_every_op_back),
        cmocka_unit_test(a_drain_with_too_few_ops_does_too),
#ifndef WEIR_WITHOUT_LAYER
        cmocka_unit_test(a_followed_server_with_a_log_and_a_sink_leaks_nothing),
        cmocka_unit_test(a_sampled_one_does_not_either_when_connections_take_turns),
#endif
        cmocka_unit_test(a_drain_ends_idle_connections_and_finishes_requests),
        cmocka_unit_test(a_drain_cuts_off_who_never_ends),
        cmocka_unit_test(silent_connections_end_after_their_time),
        cmocka_unit_test(what_is_wrong_on_the_command_line_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
