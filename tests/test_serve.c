/* test_serve.c - weir-serve speaks HTTP/1.1: what a client may send, what it gets, and in which order. */
#define _GNU_SOURCE
#include "serve_process.h"
#include "serve_client.h"

static struct serve serve;

static int start(void **state)
{
    (void)state;
    serve = serve_start("--timeout", "30");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    serve_stop(&serve);
    return 0;
}

/* Asks and expects that status. */
static void ask(struct client *c, const char *request, int status)
{
    assert_right(client_ask(c, request));
    assert_int_equal(c->status, status);
}

static void one_connection_carries_many_requests(void **state)
{
    struct client *c = client_open(serve.number);
    (void)state;
    for (int i = 0; i < 100; i++) {
        ask(c, REQUEST("GET", "/"), 200);
        assert_false(c->json);
        assert_false(c->close);
        assert_true(c->length > 0);
    }
    client_close(c);
}

static void stats_are_json_and_count_what_was_answered(void **state)
{
    struct client *c = client_open(serve.number);
    long long requests;
    (void)state;
    ask(c, REQUEST("GET", "/stats"), 200);
    assert_true(c->json);
    requests = client_number(c->body, NULL, "requests");
    assert_true(requests >= 0);
    assert_int_equal(client_number(c->body, "\"pool\"", "capacity"), 65536);
    ask(c, REQUEST("GET", "/"), 200);
    ask(c, REQUEST("GET", "/stats?again"), 200);
    assert_true(client_number(c->body, NULL, "requests") >= requests + 2);
    assert_true(client_number(c->body, "\"connections\"", "open") >= 1);
    client_close(c);
}

static void fifty_pipelined_requests_are_answered_in_order(void **state)
{
    static const char *const paths[] = { "/", "/stats", "/nowhere" };
    struct client *c = client_open(serve.number);
    char all[50 * 64] = "";
    int path[50];
    unsigned seed = 7;
    (void)state;
    for (int i = 0; i < 50; i++) {
        seed = seed * 1103515245 + 12345;
        path[i] = i < 10 ? 0 : (int)(seed >> 16) % 3;       /* a run of equal ones first */
        sprintf(all + strlen(all), "GET %s HTTP/1.1\r\nHost: test\r\n\r\n", paths[path[i]]);
    }
    assert_true(client_say(c, all));
    for (int i = 0; i < 50; i++) {
        assert_right(client_hear(c, false));
        assert_int_equal(c->status, path[i] == 2 ? 404 : 200);
        assert_int_equal(c->json, path[i] == 1);
    }
    client_close(c);
}

static void a_long_run_of_equal_requests_gets_as_many_responses(void **state)
{
    enum { RUN = 1000 };
    struct client *c = client_open(serve.number);
    char *all = calloc(RUN, sizeof REQUEST("GET", "/"));
    (void)state;
    for (int i = 0; i < RUN; i++)
        memcpy(all + (size_t)i * (sizeof REQUEST("GET", "/") - 1), REQUEST("GET", "/"), sizeof REQUEST("GET", "/"));
    assert_true(client_say(c, all));
    free(all);
    for (int i = 0; i < RUN; i++) {
        assert_right(client_hear(c, false));
        assert_int_equal(c->status, 200);
        assert_string_equal(c->body, "Over the weir, and back again.\n");
    }
    ask(c, REQUEST("GET", "/nowhere"), 404);        /* no response too many */
    client_close(c);
}

static void a_request_may_come_byte_by_byte(void **state)
{
    static const char request[] = "POST /nowhere HTTP/1.1\r\nExpect-Not: x\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "3\r\nabc\r\n0\r\n\r\n";
    struct client *c = client_open(serve.number);
    (void)state;
    for (size_t i = 0; i < sizeof request - 1; i++)
        assert_true(net_send(c->handle, request + i, 1));
    assert_right(client_hear(c, false));
    assert_int_equal(c->status, 404);
    ask(c, REQUEST("GET", "/"), 200);
    client_close(c);
}

static void head_gets_the_header_of_get_and_no_body(void **state)
{
    struct client *c = client_open(serve.number);
    size_t length;
    (void)state;
    ask(c, REQUEST("GET", "/"), 200);
    length = c->length;
    ask(c, REQUEST("HEAD", "/"), 200);
    assert_int_equal(c->length, length);
    ask(c, REQUEST("HEAD", "/stats"), 200);
    assert_true(c->length > 0);
    ask(c, REQUEST("HEAD", "/nowhere"), 404);
    ask(c, REQUEST("GET", "/"), 200);
    assert_int_equal(c->length, length);
    client_close(c);
}

static void bodies_are_passed_over(void **state)
{
    struct client *c = client_open(serve.number);
    char block[4096];
    (void)state;
    memset(block, 'G', sizeof block);
    ask(c, "GET / HTTP/1.1\r\nHost: test\r\nContent-Length: 11\r\n\r\nGET / HTTP/", 200);
    ask(c, "GET / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\nX: y\r\n\r\n", 200);
    assert_true(client_say(c, "PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: 409600\r\n\r\n"));
    for (int i = 0; i < 100; i++)
        assert_true(net_send(c->handle, block, sizeof block));
    assert_right(client_hear(c, false));
    assert_int_equal(c->status, 405);
    ask(c, REQUEST("GET", "/"), 200);
    client_close(c);
}

static void a_client_that_waits_for_100_is_told_to_go_on(void **state)
{
    struct client *c = client_open(serve.number);
    (void)state;
    ask(c, "GET /stats HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", 100);
    ask(c, "abc", 200);
    assert_true(c->json);
    client_close(c);
}

/* One request on a new connection is answered with the status, and then the end. */
static void refused(const char *request, int status)
{
    struct client *c = client_open(serve.number);
    (void)client_say(c, request);
    assert_right(client_hear(c, false));
    assert_int_equal(c->status, status);
    assert_true(c->close);
    assert_right(client_hear_end(c));
    client_close(c);
}

static void what_is_no_http_gets_400_and_the_end(void **state)
{
    (void)state;
    refused("what is this\r\n\r\n", 400);
    refused("GET / HTTP/1.1\r\n\r\n", 400);
    refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400);
    refused("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400);
    refused("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
    refused("GET / HTTP/1.1\r\nHost a\r\n\r\n", 400);
    refused("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505);
    refused("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501);
    refused("\x16\x03\x01\x02\x01\x01", 400);
}

static void requests_before_a_bad_one_are_answered_first(void **state)
{
    struct client *c = client_open(serve.number);
    (void)state;
    assert_true(client_say(c, REQUEST("GET", "/") REQUEST("GET", "/") "nonsense\r\n\r\n" REQUEST("GET", "/")));
    for (int i = 0; i < 3; i++) {
        assert_right(client_hear(c, false));
        assert_int_equal(c->status, i < 2 ? 200 : 400);
    }
    assert_right(client_hear_end(c));
    client_close(c);
}

static void a_header_that_is_too_long_gets_431_however_much_comes(void **state)
{
    static char request[600000];
    int n = sprintf(request, "GET / HTTP/1.1\r\nHost: test\r\nX: ");
    (void)state;
    memset(request + n, 'x', 9000);
    refused(request, 431);
    memset(request + n, 'x', sizeof request - 1 - (size_t)n);
    refused(request, 431);
    memset(request + 5, 'x', 20000);
    refused(request, 414);
}

static void connection_close_is_honoured(void **state)
{
    struct client *c = client_open(serve.number);
    (void)state;
    ask(c, "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", 200);
    assert_true(c->close);
    assert_right(client_hear_end(c));
    client_close(c);
    c = client_open(serve.number);
    ask(c, "GET /stats HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n" REQUEST("GET", "/"), 200);
    assert_true(c->close);
    assert_right(client_hear_end(c));
    client_close(c);
}

static void http_1_0_ends_unless_it_asks_to_go_on(void **state)
{
    struct client *c = client_open(serve.number);
    (void)state;
    ask(c, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200);
    assert_true(c->keep);
    ask(c, "GET /nowhere HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 404);
    assert_true(c->keep);
    ask(c, "GET / HTTP/1.0\r\n\r\n", 200);
    assert_true(c->close);
    assert_right(client_hear_end(c));
    client_close(c);
}

static void a_client_that_ends_its_side_still_gets_its_answers(void **state)
{
    struct client *c = client_open(serve.number);
    (void)state;
    assert_true(client_say(c, REQUEST("GET", "/") REQUEST("GET", "/stats")));
    net_end_sending(c->handle);
    assert_right(client_hear(c, false));
    assert_right(client_hear(c, false));
    assert_true(c->json);
    assert_right(client_hear_end(c));
    client_close(c);
}

static void the_forms_of_a_url_find_their_way(void **state)
{
    struct client *c = client_open(serve.number);
    (void)state;
    ask(c, REQUEST("GET", "/?x=1"), 200);
    ask(c, REQUEST("GET", "http://test/stats"), 200);
    assert_true(c->json);
    ask(c, REQUEST("GET", "http://test"), 200);
    ask(c, REQUEST("GET", "/stats/"), 404);
    ask(c, REQUEST("GET", "/statsx"), 404);
    ask(c, REQUEST("OPTIONS", "*"), 404);
    ask(c, REQUEST("DELETE", "/stats"), 405);
    client_close(c);
}

static void an_upgrade_is_not_taken_up(void **state)
{
    struct client *c = client_open(serve.number);
    (void)state;
    ask(c, "GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" REQUEST("GET", "/stats"), 200);
    assert_right(client_hear(c, false));
    assert_true(c->json);
    client_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_connection_carries_many_requests),
        cmocka_unit_test(stats_are_json_and_count_what_was_answered),
        cmocka_unit_test(fifty_pipelined_requests_are_answered_in_order),
        cmocka_unit_test(a_long_run_of_equal_requests_gets_as_many_responses),
        cmocka_unit_test(a_request_may_come_byte_by_byte),
        cmocka_unit_test(head_gets_the_header_of_get_and_no_body),
        cmocka_unit_test(bodies_are_passed_over),
        cmocka_unit_test(a_client_that_waits_for_100_is_told_to_go_on),
        cmocka_unit_test(what_is_no_http_gets_400_and_the_end),
        cmocka_unit_test(requests_before_a_bad_one_are_answered_first),
        cmocka_unit_test(a_header_that_is_too_long_gets_431_however_much_comes),
        cmocka_unit_test(connection_close_is_honoured),
        cmocka_unit_test(http_1_0_ends_unless_it_asks_to_go_on),
        cmocka_unit_test(a_client_that_ends_its_side_still_gets_its_answers),
        cmocka_unit_test(the_forms_of_a_url_find_their_way),
        cmocka_unit_test(an_upgrade_is_not_taken_up),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
