/* tests/fuzz/fuzz_port.c - sequences of submits, cancels, closes and posts on a port with a few streams over socket pairs, and a model.
 *
 * The model     an op is idle, or with one stream for one operation, or posted: whoever is not idle comes back exactly once, from that stream,
 *               with bytes and status that its kind allows. What the peer wrote arrives in order; a stream's sequence has no gap; `closed` runs
 *               once, after the last reference and the last operation. When a completion comes is the system's affair, that it comes is not.
 * Callers' bugs an op that is in flight is submitted, posted or put once more: a panic.
 * Goes wrong    fuzz_fail, or a sanitizer. Linux only: socketpair.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/weir.h>
#include <weir/port.h>

#include "fuzz.h"

enum { OPS = 12, STREAMS = 3, BUFFER = 256, TAKE = 4, COMMANDS_MOST = 400, PATIENCE = 200 };
enum what { IDLE, RECV, PROBE, SEND, POST, CALL };

struct link {
    struct weir_stream *stream;     /* NULL: none */
    int peer;                       /* -1: closed */
    unsigned references;            /* besides open's */
    bool closing;
    unsigned pending, closed;
    uint64_t next;                  /* of its sequence */
    uint8_t wrote, got;             /* the bytes that the peer wrote, and that came: each one more than the last */
};

struct slot {
    struct weir_op *op;
    enum what what;
    struct link *link;
    size_t bytes;
};

static struct weir_port *port;
static struct weir_pool *pool;
static struct link links[STREAMS];
static struct slot slots[OPS];
static unsigned empty_posts;

enum bug { BUG_RECV, BUG_SEND, BUG_POST, BUG_PUT };
struct bugged {
    enum bug bug;
    struct slot *slot;
    struct link *link;
};

static void port__bug(void *arg)
{
    struct bugged *b = arg;
    switch (b->bug) {
    case BUG_RECV: (void)weir_recv(b->link->stream, b->slot->op, NULL, 0); break;
    case BUG_SEND: (void)weir_send(b->link->stream, b->slot->op, NULL, 1); break;
    case BUG_POST: (void)weir_port_post(port, b->slot->op, 0, 0); break;
    case BUG_PUT: weir_op_put(b->slot->op); break;
    }
}

static void port__closed(void *arg)
{
    struct link *l = arg;
    FUZZ_NEED(l->closing && !l->references && !l->pending && ++l->closed == 1);
    l->stream = NULL;
}

static void port__called(void *arg)
{
    struct slot *s = arg;
    FUZZ_NEED(s->what == CALL);
    s->what = IDLE;
}

static void port__open(struct link *l, uintptr_t key)
{
    int pair[2];
    if (l->stream)
        return;
    if (l->peer >= 0)
        close(l->peer);
    memset(l, 0, sizeof *l);
    FUZZ_NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    FUZZ_NEED(fcntl(pair[1], F_SETFL, O_NONBLOCK) == 0);
    FUZZ_NEED(weir_stream_open(&l->stream, port, pair[0], key) == 0);
    l->peer = pair[1];
}

static void port__began(struct slot *s, struct link *l, enum what what, size_t bytes, int answer)
{
    if (answer != (l->closing ? -ESHUTDOWN : WEIR_PENDING))
        fuzz_fail("a submit of kind %d on a stream that is %s answered %d", (int)what, l->closing ? "closing" : "open", answer);
    if (answer != WEIR_PENDING)
        return;
    s->what = what;
    s->link = l;
    s->bytes = bytes;
    l->pending++;
}

static void port__submit(struct slot *s, struct link *l, struct fuzz_input *in, bool sends)
{
    size_t bytes = fuzz_u8(in);
    struct bugged b = { sends ? BUG_SEND : BUG_RECV, s, l };
    if (!l->stream || (l->closing && !l->references))
        return;                                     /* who holds no reference may not submit */
    if (s->what != IDLE) {
        if (!l->closing)
            FUZZ_NEED(fuzz_panics(port__bug, &b));
        return;
    }
    FUZZ_NEED(weir_recv(l->stream, s->op, NULL, BUFFER + 1) == -EINVAL && weir_send(NULL, s->op, NULL, 1) == -EINVAL);
    if (sends)
        port__began(s, l, SEND, bytes + 1 > BUFFER ? BUFFER : bytes + 1, weir_send(l->stream, s->op, NULL, bytes + 1));
    else if (bytes == 255)
        port__began(s, l, PROBE, 0, weir_recv(l->stream, s->op, s, 0));
    else
        port__began(s, l, RECV, bytes ? bytes : BUFFER, weir_recv(l->stream, s->op, NULL, bytes));
}

static void port__peer_writes(struct link *l, uint8_t n)
{
    uint8_t text[256];
    ssize_t wrote;
    if (l->peer < 0)
        return;
    for (unsigned i = 0; i < n; i++)
        text[i] = (uint8_t)(l->wrote + i);
    wrote = send(l->peer, text, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    l->wrote = (uint8_t)(l->wrote + (wrote > 0 ? wrote : 0));
}

static void port__peer(struct link *l, uint8_t what)
{
    uint8_t text[512];
    if (l->peer < 0)
        return;
    if (what % 4 == 3) {
        close(l->peer);
        l->peer = -1;
    } else if (what % 4 == 2) {
        shutdown(l->peer, SHUT_WR);
    } else {
        (void)!read(l->peer, text, sizeof text);
    }
}

static void port__came(const struct weir_completion *c)
{
    struct slot *s = NULL;
    struct link *l;
    for (int i = 0; i < OPS && c->op; i++)
        if (slots[i].op == c->op)
            s = &slots[i];
    if (!c->op) {
        FUZZ_NEED(c->status == WEIR_POSTED && c->key == 7 && empty_posts-- > 0);
        return;
    }
    FUZZ_NEED(s && s->what != IDLE && s->what != CALL);
    l = s->link;
    if (s->what == POST) {
        FUZZ_NEED(c->status == WEIR_POSTED && c->bytes == s->bytes && c->key == 9 && !c->stream && !c->error);
        s->what = IDLE;
        return;
    }
    FUZZ_NEED(c->status != WEIR_POSTED && c->key == (uintptr_t)(l - links) + 1);
    if (l->next++ != c->sequence)
        fuzz_fail("a stream's completion has sequence %u and %u was to come", (unsigned)c->sequence, (unsigned)l->next - 1);
    FUZZ_NEED((c->status == WEIR_FAILED) == (c->error != 0) && c->bytes <= s->bytes);
    if (c->status == WEIR_COMPLETED && s->what == SEND)
        FUZZ_NEED(c->bytes == s->bytes);
    if (c->status == WEIR_COMPLETED && s->what == RECV) {
        const uint8_t *data = weir_op_buffer(s->op);
        FUZZ_NEED(c->bytes > 0);
        for (size_t i = 0; i < c->bytes; i++)
            FUZZ_NEED(data[i] == (uint8_t)(l->got + i));
        l->got = (uint8_t)(l->got + c->bytes);
    }
    FUZZ_NEED(c->status != WEIR_END || (s->what == RECV && c->bytes == 0));
    s->what = IDLE;
    s->link = NULL;
}

/* Who takes a completion takes it off the stream's count before `closed` may run: so does the model, for all that may come now. */
static bool port__take(unsigned n, int64_t timeout)
{
    struct weir_completion c[TAKE];
    unsigned before[STREAMS];
    int got;
    for (int i = 0; i < STREAMS; i++) {
        before[i] = links[i].pending;
        links[i].pending = 0;                       /* `closed` asks; put right below */
    }
    got = weir_port_wait(port, c, n, timeout);
    for (int i = 0; i < STREAMS; i++)
        links[i].pending = before[i];
    FUZZ_NEED(got >= 0 && got <= (int)n);
    for (int i = 0; i < got; i++) {
        for (int j = 0; j < OPS; j++)
            if (slots[j].op == c[i].op && slots[j].link && slots[j].what != POST)
                slots[j].link->pending--;
        port__came(&c[i]);
    }
    for (int i = 0; i < STREAMS; i++)
        FUZZ_NEED(links[i].stream || !links[i].pending);
    return got > 0;
}

static void port__close(struct link *l)
{
    struct weir_stream *stream = l->stream;
    if (!stream || (l->closing && !l->references))
        return;
    if (l->closing) {
        FUZZ_NEED(weir_stream_close(stream, port__closed, l) == -EALREADY);
        return;
    }
    l->closing = true;
    FUZZ_NEED(weir_stream_close(stream, port__closed, l) == 0);
    if (links[0].stream || links[1].stream || links[2].stream)
        FUZZ_NEED(weir_port_close(port) == -EBUSY);
}

static void port__reference(struct link *l, bool more)
{
    if (!l->stream || (l->closing && !l->references))
        return;
    if (more) {
        weir_stream_ref(l->stream);
        l->references++;
    } else if (l->references) {
        l->references--;
        weir_stream_unref(l->stream);
    }
}

static void port__post(struct slot *s, struct fuzz_input *in)
{
    uint8_t how = fuzz_u8(in) % 4;
    struct bugged b = { BUG_POST, s, NULL };
    if (how == 3 && empty_posts < 1000) {
        FUZZ_NEED(weir_port_post(port, NULL, 0, 7) == 0);
        empty_posts++;
    } else if (s->what != IDLE) {
        b.bug = how ? BUG_POST : BUG_PUT;
        FUZZ_NEED(fuzz_panics(port__bug, &b));
    } else if (how == 2) {
        s->what = CALL;
        FUZZ_NEED(weir_port_call(port, s->op, port__called, s) == 0 && weir_port_call(port, NULL, NULL, NULL) == -EINVAL);
    } else {
        s->what = POST;
        s->bytes = how;
        FUZZ_NEED(weir_port_post(port, s->op, how, 9) == 0);
    }
}

static void port__cancel(struct slot *s, struct link *l, bool all)
{
    int answer;
    if (!l->stream || (l->closing && !l->references))
        return;
    answer = weir_cancel(l->stream, all ? NULL : s->op);
    FUZZ_NEED(answer == 0 || (!all && answer == -ENOENT));
    FUZZ_NEED(answer != 0 || all || s->link == l);
}

static void port__op(struct slot *s, struct link *l)
{
    if (!l->stream || (l->closing && !l->references) || s->what != IDLE)
        return;
    weir_stream_op_put(l->stream, s->op);
    s->op = weir_stream_op_get(l->stream, pool);
    FUZZ_NEED(s->op && weir_op_refs(s->op) == 1);
}

static void port__command(struct fuzz_input *in)
{
    uint8_t command = fuzz_u8(in), which = fuzz_u8(in);
    struct link *l = &links[which % STREAMS];
    struct slot *s = &slots[which / STREAMS % OPS];
    switch (command % 16) {
    case 0: port__open(l, (uintptr_t)(l - links) + 1); break;
    case 1: case 2: port__submit(s, l, in, false); break;
    case 3: port__submit(s, l, in, true); break;
    case 4: case 5: port__peer_writes(l, fuzz_u8(in)); break;
    case 6: port__peer(l, fuzz_u8(in)); break;
    case 7: port__cancel(s, l, false); break;
    case 8: port__cancel(s, l, true); break;
    case 9: port__close(l); break;
    case 10: port__reference(l, true); break;
    case 11: port__reference(l, false); break;
    case 12: port__post(s, in); break;
    case 13: port__op(s, l); break;
    default: (void)port__take(1 + fuzz_u8(in) % TAKE, 0); break;
    }
}

static bool port__anything_out(void)
{
    bool out = empty_posts > 0;
    for (int i = 0; i < OPS; i++)
        out |= slots[i].what != IDLE;
    for (int i = 0; i < STREAMS; i++)
        out |= links[i].stream != NULL;
    return out;
}

static void port__end(void)
{
    unsigned patience = 0;
    for (int i = 0; i < STREAMS; i++) {
        port__close(&links[i]);
        while (links[i].stream && links[i].references)
            port__reference(&links[i], false);
    }
    while (port__anything_out())
        if (!port__take(TAKE, 10000000) && ++patience == PATIENCE)
            fuzz_fail("all is closed, and something has not come back within two seconds");
    for (int i = 0; i < STREAMS; i++)
        if (links[i].peer >= 0)
            close(links[i].peer);
    for (int i = 0; i < OPS; i++)
        weir_op_put(slots[i].op);
    FUZZ_NEED(weir_port_close(port) == 0);
    FUZZ_NEED(weir_port_wait(port, &(struct weir_completion){ .op = NULL }, 1, 0) == -ESHUTDOWN);
    FUZZ_NEED(weir_pool_check(pool) == 0 && weir_pool_close(pool) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size, 0 };
    struct weir_pool_config config = { .capacity = OPS + 2 * STREAMS, .buffer_size = BUFFER };
    fuzz_panics(NULL, NULL);
    memset(links, 0, sizeof links);
    memset(slots, 0, sizeof slots);
    empty_posts = 0;
    FUZZ_NEED(weir_pool_create(&pool, &config) == 0 && weir_port_create(&port, NULL) == 0);
    for (int i = 0; i < STREAMS; i++)
        links[i].peer = -1;
    for (int i = 0; i < OPS; i++)
        FUZZ_NEED((slots[i].op = weir_op_get(pool)) != NULL);
    FUZZ_NEED(!port__take(1, 0));                   /* from now on this thread serves the port, and its memory stays */
    for (unsigned n = 0; fuzz_more(&in) && n < COMMANDS_MOST; n++)
        port__command(&in);
    port__end();
    return 0;
}
