/* answer.c - HTTP/1.1: what a request is answered with.
 *
 *     GET, HEAD /         the page (page.c), by reference; a run of pipelined GETs by one send
 *     GET, HEAD /stats    the server's numbers as JSON
 *     another method      405          a path that is none of these   404
 *     no HTTP             400, 414, 431, 501, 505, and the connection ends
 *
 * What is not the page is rendered into the second part of the connection's own op. Requests are answered in order, each when all before
 * it are sent. While the server drains, the last request that has been received is answered with "Connection: close".
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "connection.h"
#include "http.h"
#include "log.h"
#include "page.h"
#include "serve.h"
#include "stats.h"

const char protocol_name[] = "an HTTP/1.1 server";
const size_t protocol_size = sizeof(struct http);

static struct http *answer__http(struct connection *c)
{
    return (struct http *)c->protocol;
}

int protocol_begin(struct server *s)
{
    http_begin();
    stats_begin();
    return page_begin(s);
}

void protocol_tick(struct server *s) { page_render(s); }

void protocol_end(struct server *s) { page_end(s); }

void protocol_open(struct connection *c) { http_open(answer__http(c)); }

/* What comes next in the connection's input. */
static enum http_read answer__read(struct connection *c)
{
    struct http *h = answer__http(c);
    enum http_read what = h->ahead;
    size_t used;
    h->ahead = HTTP_MORE;
    if (what != HTTP_MORE || c->at == c->end)
        return what;
    what = http_read(h, (char *)weir_op_buffer(c->op) + c->at, c->end - c->at, &used);
    c->at = what == HTTP_MORE ? c->end : c->at + used;
    return what;
}

/* -- the page ---------------------------------------------------------------------------------------------------------------- */

static bool answer__plain(const struct connection *c, const struct http_request *r)
{
    return r->route == ROUTE_PAGE && r->method == HTTP_GET && r->keep && !r->old && !serve_draining(c->server);
}

/* As many plain requests as come one after the other and the page has copies for. The first of them has been read. */
static void answer__run(struct connection *c, struct reply *reply)
{
    struct http *h = answer__http(c);
    const struct page *page;
    reply->shared = page_take(c->server);
    page = page_of(reply->shared);
    reply->requests = 1;
    while (reply->requests < page->copies) {
        enum http_read what = answer__read(c);
        if (what != HTTP_COMPLETE || !answer__plain(c, &h->request)) {
            h->ahead = what;
            break;
        }
        reply->requests++;
    }
    reply->data = (const char *)page + page->text[PAGE_KEEP].at;
    reply->bytes = (size_t)reply->requests * page->text[PAGE_KEEP].bytes;
}

static void answer__page(struct connection *c, const struct http_request *r, struct reply *reply)
{
    const struct page *page;
    const struct page_text *text;
    reply->shared = page_take(c->server);
    page = page_of(reply->shared);
    text = &page->text[reply->last ? PAGE_LAST : r->old ? PAGE_KEEP_OLD : PAGE_KEEP];
    reply->data = (const char *)page + text->at;
    reply->bytes = r->method == HTTP_HEAD ? text->header : text->bytes;
}

/* -- texts of one connection ------------------------------------------------------------------------------------------------- */

struct text {
    unsigned status;
    const char *type, *extra;
    const char *body;
    size_t bytes;
};

static void answer__text(struct connection *c, const struct http_request *r, const struct text *t, struct reply *reply)
{
    char *out = connection_text(c), date[PAGE_DATE];
    const char *connection = reply->last ? "Connection: close\r\n" : r->old ? "Connection: keep-alive\r\n" : "";
    int n;
    page_date(date, time(NULL));
    n = snprintf(out, SERVE_TEXT, "HTTP/1.1 %u %s\r\nServer: weir-serve\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s\r\n",
                 t->status, http_status_str((enum http_status)t->status), date, t->type, t->bytes, t->extra, connection);
    reply->data = out;
    reply->bytes = (size_t)n;
    if (r->method == HTTP_HEAD)
        return;
    memcpy(out + n, t->body, t->bytes);
    reply->bytes += t->bytes;
}

static void answer__status(struct connection *c, const struct http_request *r, unsigned status, struct reply *reply)
{
    char body[64];
    struct text t = { .status = status, .type = "text/plain", .extra = "", .body = body };
    if (status == HTTP_STATUS_METHOD_NOT_ALLOWED)
        t.extra = "Allow: GET, HEAD\r\n";
    t.bytes = (size_t)snprintf(body, sizeof body, "%u %s\n", status, http_status_str((enum http_status)status));
    answer__text(c, r, &t, reply);
}

static void answer__stats(struct worker *w, struct connection *c, const struct http_request *r, struct reply *reply)
{
    char body[SERVE_TEXT - 256];        /* the header is shorter */
    struct text t = { .status = HTTP_STATUS_OK, .type = "application/json", .extra = "", .body = body };
    t.bytes = stats_text(c->server, body, sizeof body);
    if (t.bytes) {
        answer__text(c, r, &t, reply);
        return;
    }
    serve_count(&w->errors, 1);
    answer__status(c, r, HTTP_STATUS_INTERNAL_SERVER_ERROR, reply);
}

/* -- steps ------------------------------------------------------------------------------------------------------------------- */

static void answer__request(struct worker *w, struct connection *c, struct reply *reply)
{
    struct http_request r = answer__http(c)->request;
    bool more = c->at < c->end;
    if (answer__plain(c, &r)) {
        answer__run(c, reply);
        return;
    }
    reply->requests = 1;
    reply->last = !r.keep || (serve_draining(c->server) && !more);
    reply->linger = reply->last && more;
    if (r.route == ROUTE_NONE)
        answer__status(c, &r, HTTP_STATUS_NOT_FOUND, reply);
    else if (r.method != HTTP_GET && r.method != HTTP_HEAD)
        answer__status(c, &r, HTTP_STATUS_METHOD_NOT_ALLOWED, reply);
    else if (r.route == ROUTE_PAGE)
        answer__page(c, &r, reply);
    else
        answer__stats(w, c, &r, reply);
}

static void answer__bad(struct connection *c, struct reply *reply)
{
    struct http_request r = answer__http(c)->request;
    reply->requests = 1;
    reply->last = reply->linger = true;
    answer__status(c, &r, r.status, reply);
}

static enum step answer__more(struct connection *c, struct reply *reply)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct http *h = answer__http(c);
    if (h->begun && h->expects) {
        h->expects = false;
        reply->data = go_on;
        reply->bytes = sizeof go_on - 1;
        return STEP_SEND;
    }
    if (h->begun)
        return STEP_RECEIVE;
    return serve_draining(c->server) ? STEP_CLOSE : STEP_IDLE;
}

enum step protocol_step(struct worker *w, struct connection *c, struct reply *reply)
{
    size_t begin = c->at;
    switch (answer__read(c)) {
    case HTTP_COMPLETE:
        if (c->server->log)             /* of several that are answered as one, the first */
            log_note(w, c->op, (const char *)weir_op_buffer(c->op) + begin, c->at - begin);
        answer__request(w, c, reply);
        return STEP_SEND;
    case HTTP_BAD:
        answer__bad(c, reply);
        return STEP_SEND;
    default:
        return answer__more(c, reply);
    }
}
