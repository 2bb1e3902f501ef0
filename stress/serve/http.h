/* http.h - requests out of a stream of bytes. The theory is in http.c. */
#ifndef SERVE_HTTP_H
#define SERVE_HTTP_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>

enum http_route { ROUTE_PAGE, ROUTE_STATS, ROUTE_NONE };

struct http_request {
    enum http_route route;
    unsigned char method;       /* enum http_method */
    bool old;                   /* HTTP/1.0 */
    bool keep;                  /* the connection may go on */
    unsigned status;            /* HTTP_BAD: what is wrong with it */
};

enum http_read {
    HTTP_MORE,                  /* all bytes are used, and no request is complete */
    HTTP_COMPLETE,              /* http->request */
    HTTP_BAD                    /* http->request.status; nothing can be read after that */
};

enum { HTTP_URL = 128, HTTP_NAME = 8 };

struct http {
    http_parser parser;
    struct http_request request;
    bool begun;                 /* bytes of a request were read, and it isn't complete */
    bool expects;               /* its client waits for "100 Continue" before it sends the body */
    /* http.c */
    bool complete, in_value, fields;
    unsigned char hosts;
    unsigned char url_bytes, name_bytes;
    char url[HTTP_URL], name[HTTP_NAME];
    /* answer.c */
    enum http_read ahead;       /* what was read and is not answered yet; HTTP_MORE: nothing */
};

void http_begin(void);                          /* once, before any thread */
void http_open(struct http *http);

/* Reads up to the end of one request. *used: how many bytes that took. bytes is not 0. */
enum http_read http_read(struct http *http, const char *data, size_t bytes, size_t *used);

#endif
