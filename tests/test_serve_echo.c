/* test_serve_echo.c - weir-serve on Windows: it echoes what many clients send, whole and in order, survives resets, takes turns when it
 * has fewer ops than clients, and drains: with the exit status 0 and every op back. Windows only.
 */
#include "net.h"
#include "weir_test.h"

#include <windows.h>

enum { CLIENTS = 40, ROUNDS = 5, BLOCK = 5000, MUCH = 300000 };

struct serve {
    HANDLE process, output, stop;
    uint16_t number;
};

static struct serve serve;
static weir_handle clients[CLIENTS];

/* One line of its output. false: the end. */
static bool serve_line(struct serve *s, char *line, size_t size)
{
    size_t n = 0;
    DWORD got;
    while (n + 1 < size && ReadFile(s->output, line + n, 1, &got, NULL) && got == 1 && line[n] != '\n')
        n++;
    line[n] = '\0';
    return n > 0;
}

static void serve_start(struct serve *s, const char *options)
{
    SECURITY_ATTRIBUTES inherited = { sizeof inherited, NULL, TRUE };
    STARTUPINFOA start = { .cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES };
    PROCESS_INFORMATION made;
    char command[512], name[64], line[128];
    unsigned number = 0;
    HANDLE its;
    assert_true(CreatePipe(&s->output, &its, &inherited, 0));
    SetHandleInformation(s->output, HANDLE_FLAG_INHERIT, 0);
    start.hStdOutput = its;
    start.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    start.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
    snprintf(command, sizeof command, "\"%s\" --port 0 --threads 4 --json %s", WEIR_SERVE, options);
    assert_true(CreateProcessA(NULL, command, NULL, NULL, TRUE, 0, NULL, NULL, &start, &made));
    CloseHandle(its);
    CloseHandle(made.hThread);
    s->process = made.hProcess;
    assert_true(serve_line(s, line, sizeof line));
    assert_int_equal(sscanf(line, "listening on 127.0.0.1:%u", &number), 1);
    s->number = (uint16_t)number;
    snprintf(name, sizeof name, "weir-serve-stop-%lu", (unsigned long)made.dwProcessId);
    s->stop = OpenEventA(EVENT_MODIFY_STATE, FALSE, name);
    assert_non_null(s->stop);
}

/* Drains it. Returns how many echoes it counted. */
static long serve_stop(struct serve *s)
{
    long requests = -1, errors = -1, taken = -1, given = -1, live = -1;
    char line[512], last[512] = "";
    DWORD status = 99;
    SetEvent(s->stop);
    while (serve_line(s, line, sizeof line))
        memcpy(last, line, sizeof last);
    assert_int_equal(WaitForSingleObject(s->process, 60000), WAIT_OBJECT_0);
    assert_true(GetExitCodeProcess(s->process, &status));
    if (sscanf(last, "{\"requests\":%ld,\"errors\":%ld,\"taken\":%ld,\"given\":%ld,\"live\":%ld}", &requests, &errors, &taken, &given,
               &live) != 5)
        fail_msg("weir-serve ended with %lu and \"%s\"", (unsigned long)status, last);
    assert_int_equal(status, 0);
    assert_int_equal(live, 0);
    assert_int_equal(errors, 0);
    assert_int_equal(taken, given);
    CloseHandle(s->process);
    CloseHandle(s->output);
    CloseHandle(s->stop);
    return requests;
}

static weir_handle client_open(void)
{
    weir_handle handle = net_connect(serve.number);
    DWORD patience = 60000;
    setsockopt((SOCKET)handle, SOL_SOCKET, SO_RCVTIMEO, (const char *)&patience, sizeof patience);
    return handle;
}

static void fill(unsigned char *data, size_t bytes, unsigned seed)
{
    for (size_t i = 0; i < bytes; i++) {
        seed = seed * 1103515245 + 12345;
        data[i] = (unsigned char)(seed >> 16);
    }
}

/* All clients send, then all hear what they sent. */
static void all_are_echoed(size_t bytes)
{
    unsigned char *sent = malloc(bytes), *heard = malloc(bytes);
    for (unsigned i = 0; i < CLIENTS; i++) {
        fill(sent, bytes, i);
        assert_true(net_send(clients[i], sent, bytes));
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        fill(sent, bytes, i);
        assert_true(net_recv_all(clients[i], heard, bytes));
        assert_memory_equal(sent, heard, bytes);
    }
    free(sent);
    free(heard);
}

static void many_clients_are_echoed(const char *options)
{
    serve_start(&serve, options);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = client_open();
    for (int round = 0; round < ROUNDS; round++)
        all_are_echoed(BLOCK);
    for (int i = 0; i < CLIENTS; i++)
        if (i % 2)
            net_close(clients[i]);
        else
            net_reset(clients[i]);
    assert_true(serve_stop(&serve) >= CLIENTS * ROUNDS);
}

static void everything_comes_back_as_it_was_sent(void **state)
{
    (void)state;
    many_clients_are_echoed("");
}

static void with_fewer_ops_than_clients_they_take_turns(void **state)
{
    (void)state;
    many_clients_are_echoed("--capacity 6");
}

static DWORD WINAPI send_much(void *arg)
{
    static unsigned char data[MUCH];
    fill(data, sizeof data, 3);
    return net_send(*(weir_handle *)arg, data, sizeof data) ? 0 : 1;
}

static void much_more_than_a_buffer_comes_back_in_order(void **state)
{
    static unsigned char sent[MUCH], heard[MUCH];
    weir_handle handle;
    HANDLE sender;
    (void)state;
    serve_start(&serve, "--buffer 700");
    handle = client_open();
    fill(sent, sizeof sent, 3);
    sender = CreateThread(NULL, 0, send_much, &handle, 0, NULL);
    assert_true(net_recv_all(handle, heard, sizeof heard));
    assert_memory_equal(sent, heard, sizeof sent);
    WaitForSingleObject(sender, INFINITE);
    CloseHandle(sender);
    net_end_sending(handle);
    assert_int_equal(net_recv(handle, heard, 1), 0);
    net_close(handle);
    serve_stop(&serve);
}

static void a_drain_ends_idle_connections(void **state)
{
    char byte;
    (void)state;
    serve_start(&serve, "");
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = client_open();
    all_are_echoed(100);
    assert_true(serve_stop(&serve) >= CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        assert_true(net_recv(clients[i], &byte, 1) <= 0);
        net_close(clients[i]);
    }
    assert_int_equal(net_try_connect(serve.number), -1);
}

static int start(void **state)
{
    (void)state;
    net_open();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_back_as_it_was_sent),
        cmocka_unit_test(with_fewer_ops_than_clients_they_take_turns),
        cmocka_unit_test(much_more_than_a_buffer_comes_back_in_order),
        cmocka_unit_test(a_drain_ends_idle_connections),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
