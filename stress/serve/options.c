/* options.c - the command line of weir-serve. */
#include "serve.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "protocol.h"
#include "system.h"

enum { SPARE_DESCRIPTORS = 64, MOST_CONNECTIONS = 1 << 20 };

static void options__usage(FILE *out)
{
    fprintf(out,
            "usage: weir-serve [options]        %s on 127.0.0.1; SIGINT or SIGTERM drains it\n"
            "  --port N          0: any free one; the first line printed is \"listening on 127.0.0.1:N\"\n"
            "  --threads N       the cores\n"
            "  --capacity N      ops with a buffer, 65536; with fewer than there are connections they take turns\n"
            "  --buffer BYTES    most bytes of a receive, 2048\n"
            "  --connections N   at once; as many as the system allows descriptors\n"
            "  --timeout S       seconds without progress after which a connection is closed, 60; 0: never\n"
            "  --drain S         seconds that a drain gives to what is in flight, 5\n"
            "  --json            the last line printed is {\"requests\":N,\"errors\":N,\"taken\":N,\"given\":N,\"live\":N}\n"
            "  --log FILE        an access log\n"
            "  --sink            a second process gets records by a shared pool\n"
            "  --debug SPEC      what the debug layer does, as WEIR_DEBUG has it, which it stands before\n"
            "  --fault F         plants a bug; more than one may be given; the last line then has \"planted\"\n"
            "                    unref:N       the access log forgets one reference in N\n"
            "                    connection:N  one connection in N is never released\n"
            "                    worker        the sink stops with records in its hands, and waits to be killed\n"
            "Exit status 0: drained, and every op came back; 1: not so, or it could not start; 2: usage.\n",
            protocol_name);
}

static unsigned options__number(const char *option, const char *text, unsigned long least, unsigned long most)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || n < least || n > most) {
        fprintf(stderr, "weir-serve: --%s %s: a number from %lu to %lu\n", option, text, least, most);
        exit(2);
    }
    return (unsigned)n;
}

static void options__fault(struct options *o, const char *text)
{
    if (!fault_add(&o->faults, text)) {
        fprintf(stderr, "weir-serve: --fault %s: unref:N, connection:N or worker\n", text);
        exit(2);
    }
    o->sink = o->sink || o->faults.every[FAULT_WORKER];
}

static unsigned options__connections(void)
{
    size_t n = system_descriptors();
    if (n <= 2 * SPARE_DESCRIPTORS)
        return SPARE_DESCRIPTORS;
    return n - SPARE_DESCRIPTORS < MOST_CONNECTIONS ? (unsigned)(n - SPARE_DESCRIPTORS) : MOST_CONNECTIONS;
}

void options_read(struct options *o, int argc, char **argv)
{
    static const struct option names[] = {
        { "port", 1, NULL, 'p' },    { "threads", 1, NULL, 't' }, { "capacity", 1, NULL, 'c' }, { "buffer", 1, NULL, 'b' },
        { "connections", 1, NULL, 'n' }, { "timeout", 1, NULL, 'w' }, { "drain", 1, NULL, 'd' }, { "json", 0, NULL, 'j' },
        { "log", 1, NULL, 'l' },     { "sink", 0, NULL, 's' },    { "debug", 1, NULL, 'D' },    { "fault", 1, NULL, 'f' },
        { "help", 0, NULL, 'h' },    { NULL, 0, NULL, 0 },
    };
    int c;
    *o = (struct options){ .threads = system_cores(), .capacity = 65536, .buffer = 2048, .timeout = 60, .drain = 5 };
    while ((c = getopt_long(argc, argv, "h", names, NULL)) != -1) {
        switch (c) {
        case 'p': o->port = options__number("port", optarg, 0, 65535); break;
        case 't': o->threads = options__number("threads", optarg, 1, 1024); break;
        case 'c': o->capacity = options__number("capacity", optarg, 2, 1 << 28); break;
        case 'b': o->buffer = options__number("buffer", optarg, 1, 1 << 24); break;
        case 'n': o->connections = options__number("connections", optarg, 1, MOST_CONNECTIONS); break;
        case 'w': o->timeout = options__number("timeout", optarg, 0, 1000000); break;
        case 'd': o->drain = options__number("drain", optarg, 0, 1000000); break;
        case 'l': o->log = optarg; break;
        case 's': o->sink = true; break;
        case 'D': o->debug = optarg; break;
        case 'f': options__fault(o, optarg); break;
        case 'j': o->json = true; break;
        case 'h': options__usage(stdout); exit(0);
        default: options__usage(stderr); exit(2);
        }
    }
    if (optind != argc) {
        fprintf(stderr, "weir-serve: %s: not an option\n", argv[optind]);
        exit(2);
    }
    if (!o->connections)
        o->connections = options__connections();
}
