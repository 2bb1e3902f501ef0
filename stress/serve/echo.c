/* echo.c - what weir-serve says where there is no HTTP parser (Windows): every byte that came, back again, without a copy. */
#include "connection.h"
#include "serve.h"

const char protocol_name[] = "an echo";
const size_t protocol_size = 0;

int protocol_begin(struct server *s)
{
    (void)s;
    return 0;
}

void protocol_tick(struct server *s) { (void)s; }

void protocol_end(struct server *s) { (void)s; }

void protocol_open(struct connection *c) { (void)c; }

/* A drain ends a connection after the echo of what has been received. */
enum step protocol_step(struct worker *w, struct connection *c, struct reply *reply)
{
    (void)w;
    if (c->at == c->end)
        return serve_draining(c->server) ? STEP_CLOSE : STEP_IDLE;
    reply->data = (const char *)weir_op_buffer(c->op) + c->at;
    reply->bytes = c->end - c->at;
    reply->requests = 1;
    reply->last = reply->linger = serve_draining(c->server);
    c->at = c->end;
    return STEP_SEND;
}
