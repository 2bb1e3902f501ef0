/* http.c - requests out of a stream of bytes, by Node's http_parser. It reads each byte once and keeps none: a request may come in
 * any number of pieces, header and body are never stored, and of the URL only what decides the route.
 *
 * The parser is stopped at the end of each request (http_parser_pause), so that pipelined requests come one by one, in order.
 * A header of more than HTTP_HEADER bytes is refused (431, or 414 if it is the URL), a body is passed over whatever its length.
 *
 * Beyond what the parser checks: HTTP/1.1 needs exactly one Host; versions other than 1.x are refused. An Upgrade is not taken up,
 * which HTTP allows: the request is answered as if it had not asked.
 */
#include "http.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

enum { HTTP_HEADER = 8192 };

static int http__on_begin(http_parser *p)
{
    struct http *h = p->data;
    h->begun = true;
    h->expects = h->in_value = h->fields = false;
    h->hosts = h->url_bytes = h->name_bytes = 0;
    return 0;
}

static int http__on_url(http_parser *p, const char *at, size_t n)
{
    struct http *h = p->data;
    size_t room = HTTP_URL - (size_t)h->url_bytes;
    n = n < room ? n : room;
    memcpy(h->url + h->url_bytes, at, n);
    h->url_bytes = (unsigned char)(h->url_bytes + n);
    return 0;
}

/* The name of a header may come in pieces; a name that is longer than those that matter is none of them. */
static int http__on_field(http_parser *p, const char *at, size_t n)
{
    struct http *h = p->data;
    if (h->in_value)
        h->name_bytes = 0;
    h->in_value = false;
    h->fields = true;
    for (size_t i = 0; i < n && h->name_bytes < HTTP_NAME; i++)
        h->name[h->name_bytes++] = at[i];
    return 0;
}

static bool http__name_is(const struct http *h, const char *name)
{
    return strlen(name) == h->name_bytes && strncasecmp(h->name, name, h->name_bytes) == 0;
}

static int http__on_value(http_parser *p, const char *at, size_t n)
{
    struct http *h = p->data;
    (void)at;
    (void)n;
    if (h->in_value)
        return 0;                       /* another piece of it */
    h->in_value = true;
    if (http__name_is(h, "host"))
        h->hosts = h->hosts < 2 ? (unsigned char)(h->hosts + 1) : 2;
    else if (http__name_is(h, "expect"))
        h->expects = true;
    return 0;
}

static int http__on_headers(http_parser *p)
{
    struct http *h = p->data;
    bool body = (p->flags & F_CHUNKED) || (p->content_length > 0 && p->content_length != UINT64_MAX);
    h->expects = h->expects && body && p->http_minor > 0;
    if (p->method != HTTP_CONNECT)
        p->upgrade = 0;
    return 0;
}

static enum http_route http__route(const struct http *h)
{
    struct http_parser_url url;
    const char *path = h->url;
    size_t n;
    http_parser_url_init(&url);
    if (http_parser_parse_url(h->url, h->url_bytes, 0, &url) || !(url.field_set & 1 << UF_PATH))
        return url.field_set & 1 << UF_HOST ? ROUTE_PAGE : ROUTE_NONE;      /* "http://host" is "/" */
    path += url.field_data[UF_PATH].off;
    n = url.field_data[UF_PATH].len;
    if (n == 1 && path[0] == '/')
        return ROUTE_PAGE;
    return n == 6 && memcmp(path, "/stats", 6) == 0 ? ROUTE_STATS : ROUTE_NONE;
}

static int http__on_complete(http_parser *p)
{
    struct http *h = p->data;
    struct http_request *r = &h->request;
    *r = (struct http_request){ .method = (unsigned char)p->method, .old = p->http_minor == 0, .keep = http_should_keep_alive(p) };
    if (h->url_bytes == 1 && h->url[0] == '/')
        r->route = ROUTE_PAGE;
    else
        r->route = http__route(h);
    if (p->http_major != 1)
        r->status = p->http_major == 0 ? HTTP_STATUS_BAD_REQUEST : HTTP_STATUS_HTTP_VERSION_NOT_SUPPORTED;
    else if (!r->old && h->hosts != 1)
        r->status = HTTP_STATUS_BAD_REQUEST;
    else if (p->method == HTTP_CONNECT)
        r->status = HTTP_STATUS_NOT_IMPLEMENTED;
    h->complete = true;
    h->begun = false;
    http_parser_pause(p, 1);
    return 0;
}

void http_begin(void)
{
    http_parser_set_max_header_size(HTTP_HEADER);
}

void http_open(struct http *h)
{
    http_parser_init(&h->parser, HTTP_REQUEST);
    h->parser.data = h;
}

static unsigned http__status(const struct http *h)
{
    if (HTTP_PARSER_ERRNO(&h->parser) != HPE_HEADER_OVERFLOW)
        return HTTP_STATUS_BAD_REQUEST;
    return h->fields ? HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE : HTTP_STATUS_URI_TOO_LONG;
}

enum http_read http_read(struct http *h, const char *data, size_t bytes, size_t *used)
{
    static const http_parser_settings settings = {
        .on_message_begin = http__on_begin,
        .on_url = http__on_url,
        .on_header_field = http__on_field,
        .on_header_value = http__on_value,
        .on_headers_complete = http__on_headers,
        .on_message_complete = http__on_complete,
    };
    h->complete = false;
    *used = http_parser_execute(&h->parser, &settings, data, bytes);
    if (h->complete) {
        http_parser_pause(&h->parser, 0);
        return h->request.status ? HTTP_BAD : HTTP_COMPLETE;
    }
    if (HTTP_PARSER_ERRNO(&h->parser) == HPE_OK)
        return HTTP_MORE;
    h->request = (struct http_request){ .status = http__status(h) };
    return HTTP_BAD;
}
