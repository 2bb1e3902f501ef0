/* tests/serve_client.h - a client that speaks HTTP/1.1 as plainly as possible, for tests: it reads responses one by one, and knows no
 * more of them than a test needs. Everything that waits is bounded by a time-out of the socket.
 */
#ifndef WEIR_TESTS_SERVE_CLIENT_H
#define WEIR_TESTS_SERVE_CLIENT_H

#include "net.h"
#include "support.h"

#include <sys/time.h>

#define REQUEST(method, path) method " " path " HTTP/1.1\r\nHost: test\r\n\r\n"

struct client {
    weir_handle handle;
    size_t at, end;
    char data[16384];
    /* the last response */
    int status;
    size_t length;              /* its Content-Length */
    bool close;                 /* it said "Connection: close" */
    bool keep;                  /* it said "Connection: keep-alive" */
    bool json;
    char body[4096];
};

static inline struct client *client_adopt(weir_handle handle)
{
    struct client *c = calloc(1, sizeof *c);
    struct timeval patience = { PATIENCE, 0 };
    if (!c)
        abort();
    c->handle = handle;
    setsockopt((int)handle, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt((int)handle, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return c;
}

static inline struct client *client_open(uint16_t number)
{
    return client_adopt(net_connect(number));
}

static inline void client_close(struct client *c)
{
    net_close(c->handle);
    free(c);
}

/* The peer sees a reset. */
static inline void client_reset(struct client *c)
{
    net_reset(c->handle);
    free(c);
}

static inline bool client_say(struct client *c, const char *text)
{
    return net_send(c->handle, text, strlen(text));
}

/* More bytes. 1; 0 at the end; -1 for an error. */
static inline int client_more(struct client *c)
{
    long got;
    if (c->at) {
        memmove(c->data, c->data + c->at, c->end - c->at);
        c->end -= c->at;
        c->at = 0;
    }
    got = net_recv(c->handle, c->data + c->end, sizeof c->data - 1 - c->end);
    if (got <= 0)
        return got < 0 ? -1 : 0;
    c->end += (size_t)got;
    c->data[c->end] = '\0';
    return 1;
}

static inline bool client_header_says(const struct client *c, const char *end, const char *what)
{
    const char *found = strstr(c->data + c->at, what);
    return found && found < end;
}

/* Reads one response; `head`: it has no body. NULL, or what was wrong. */
static inline const char *client_hear(struct client *c, bool head)
{
    const char *end, *length;
    while (!(end = c->end > c->at ? strstr(c->data + c->at, "\r\n\r\n") : NULL))
        NEED(client_more(c) == 1);
    end += 4;
    NEED(sscanf(c->data + c->at, "HTTP/1.1 %d ", &c->status) == 1);
    c->close = client_header_says(c, end, "\r\nConnection: close\r\n");
    c->keep = client_header_says(c, end, "\r\nConnection: keep-alive\r\n");
    c->json = client_header_says(c, end, "\r\nContent-Type: application/json\r\n");
    length = strstr(c->data + c->at, "\r\nContent-Length: ");
    c->length = length && length < end ? strtoul(length + 18, NULL, 10) : 0;
    c->at = (size_t)(end - c->data);
    c->body[0] = '\0';
    if (head || c->status == 100)
        return NULL;
    NEED(c->length < sizeof c->body);
    while (c->end - c->at < c->length)
        NEED(client_more(c) == 1);
    memcpy(c->body, c->data + c->at, c->length);
    c->body[c->length] = '\0';
    c->at += c->length;
    return NULL;
}

/* Nothing more comes, but the end: not a reset. */
static inline const char *client_hear_end(struct client *c)
{
    NEED(c->at == c->end);
    NEED(client_more(c) == 0);
    return NULL;
}

static inline const char *client_ask(struct client *c, const char *request)
{
    NEED(client_say(c, request));
    return client_hear(c, strncmp(request, "HEAD", 4) == 0);
}

/* The number behind "name": in a JSON text, from the first of its kind on. */
static inline long long client_number(const char *json, const char *object, const char *name)
{
    char key[64];
    const char *from = object ? strstr(json, object) : json;
    snprintf(key, sizeof key, "\"%s\":", name);
    from = from ? strstr(from, key) : NULL;
    return from ? strtoll(from + strlen(key), NULL, 10) : -1;
}

#endif
