/* options.c - the command line, and what --help says. */
#include "inspect.h"

#include "../../src/panic.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const command_names[COMMANDS] = { "list", "show", "leaks", "mark", "check" };

static const char help[] =
    "weir-inspect - who holds what was never given back\n"
    "\n"
    "usage: weir-inspect COMMAND [options]\n"
    "\n"
    "  list                       each watched pool and domain of this machine, and each shared pool\n"
    "  show WHAT                  its numbers, holders with their states, sites, tracker, spec\n"
    "  show WHAT OP               one op's biography: its references, who has them, its journal. OP is weir_op_index\n"
    "  leaks [WHAT]               what is held and should not be, by holder and site; without WHAT of all segments that can be read\n"
    "  mark WHAT NAME             gives this moment a name, for leaks --since. Kept in a small file beside the segment\n"
    "  check WHAT                 does all that the segment says hold together? Says what doesn't\n"
    "\n"
    "WHAT is a pool's or domain's name, a pid, a segment's name (debug.NAME.PID), or a file with a segment. A name means the living processes' pools of\n"
    "that name, or the youngest dead one's.\n"
    "\n"
    "options\n"
    "  --min-age SECONDS          leaks: younger ones are none, unless a dead holder has them. Default: min-age of the pool's spec\n"
    "  --since MARK               leaks: only what was taken after the mark\n"
    "  --all                      leaks: every followed live op\n"
    "  --suppress FILE            leaks: suppressions by site or holder; unused ones are named\n"
    "  --folded                   leaks: folded stacks, for flame graphs\n"
    "  --json                     JSON; of several segments, leaks prints one object a line\n"
    "  --watch SECONDS            again and again, until interrupted\n"
    "  --debug-dir DIRECTORY      debug files of stripped programs are looked for there, too\n"
    "  --debuginfod               asks the servers of DEBUGINFOD_URLS for debug files\n"
    "  --help, --version\n"
    "\n"
    "A program is watched when it runs with WEIR_DEBUG=track=sketch in its environment (or says so in weir_pool_config.debug); nothing is recompiled.\n"
    "weir-inspect reads alone: no process is stopped or traced, nothing is written into a segment, and it works on a dead process's segment, too.\n"
    "\n"
    "examples\n"
    "  weir-inspect list\n"
    "  weir-inspect leaks requests --min-age 60      what is out for more than a minute\n"
    "  weir-inspect leaks 812 --json                 all pools and domains of process 812, for a program\n"
    "  weir-inspect show requests 4711               who has op 4711, and what happened to it\n"
    "  weir-inspect mark requests start; sleep 600; weir-inspect leaks requests --since start --min-age 60\n"
    "  weir-inspect leaks requests --folded | flamegraph.pl >leaks.svg\n"
    "\n"
    "exit status\n"
    "  0   clean: no leaks, or the command did what was asked\n"
    "  2   usage: an unknown command or option, or a value that is none\n"
    "  3   could not tell: no such pool, a segment that is foreign, torn, truncated or of another version, a reading that was not stable, a check that failed\n"
    "  23  leaks\n";

void options_help(struct out *out)
{
    out_print(out, "%s", help);
}

static int options__wrong(const char *what, const char *value)
{
    fprintf(stderr, "weir-inspect: %s%s%s\nnext: weir-inspect --help\n", what, value ? ": " : "", value ? value : "");
    return INSPECT_USAGE + 1;
}

static bool options__seconds(const char *text, int64_t *ns)
{
    char *end;
    double seconds = strtod(text, &end);
    if (end == text || *end || !(seconds >= 0 && seconds <= 1e9))
        return false;
    *ns = (int64_t)(seconds * 1e9);
    return true;
}

static char *options__file(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *text = f ? malloc((1 << 20) + 1) : NULL;
    size_t n = 0;
    if (text) {
        n = fread(text, 1, 1 << 20, f);
        text[n] = 0;
    }
    if (f)
        fclose(f);
    return text;
}

static int options__suppress(struct options *o, const char *path)
{
    static struct suppress rules;
    static char *text;          /* the rules point into it */
    text = options__file(path);
    if (!text)
        return options__wrong("--suppress wants a file that can be read", path);
    if (suppress_open(&rules, text, path))
        return options__wrong(weir_error_message(), NULL);
    o->rules = &rules;
    return 0;
}

/* An option with a value: --name VALUE or --name=VALUE. */
static const char *options__value(const char *name, int argc, char **argv, int *i)
{
    size_t n = strlen(name);
    if (strncmp(argv[*i], name, n) != 0)
        return NULL;
    if (argv[*i][n] == '=')
        return argv[*i] + n + 1;
    if (argv[*i][n])
        return NULL;
    if (*i + 1 >= argc)
        return "";
    return argv[++*i];
}

static int options__valued(struct options *o, int argc, char **argv, int *i)
{
    const char *v;
    if ((v = options__value("--min-age", argc, argv, i)))
        return options__seconds(v, &o->min_age) ? 0 : options__wrong("--min-age wants seconds", v);
    if ((v = options__value("--watch", argc, argv, i)))
        return options__seconds(v, &o->watch) && o->watch >= 10000000 ? 0 : options__wrong("--watch wants seconds, 0.01 or more", v);
    if ((v = options__value("--since", argc, argv, i)))
        return *(o->since = v) ? 0 : options__wrong("--since wants a mark's name", NULL);
    if ((v = options__value("--debug-dir", argc, argv, i)))
        return *(o->debug_dir = v) ? 0 : options__wrong("--debug-dir wants a directory", NULL);
    if ((v = options__value("--suppress", argc, argv, i)))
        return options__suppress(o, v);
    return options__wrong("unknown option", argv[*i]);
}

static int options__option(struct options *o, int argc, char **argv, int *i)
{
    const struct { const char *name; bool *set; } flag[] = {
        { "--json", &o->json }, { "--folded", &o->folded }, { "--all", &o->all }, { "--debuginfod", &o->servers },
    };
    for (size_t f = 0; f < sizeof flag / sizeof flag[0]; f++) {
        if (strcmp(argv[*i], flag[f].name) == 0) {
            *flag[f].set = true;
            return 0;
        }
    }
    return options__valued(o, argc, argv, i);
}

static int options__check(struct options *o, int words)
{
    static const int least[COMMANDS] = { 1, 2, 1, 3, 2 }, most[COMMANDS] = { 1, 3, 2, 3, 2 };
    char *end;
    unsigned long op;
    if (words < least[o->command] || words > most[o->command])
        return options__wrong("wrong number of words for", command_names[o->command]);
    if (o->command != COMMAND_LEAKS && (o->folded || o->since || o->rules || o->all || o->min_age >= 0))
        return options__wrong("--folded, --since, --suppress, --all and --min-age are for leaks, not for", command_names[o->command]);
    if (o->folded && o->json)
        return options__wrong("--folded or --json, not both", NULL);
    if (o->json && o->command != COMMAND_LEAKS && !json_built())
        return options__wrong("--json of this command needs jansson, which this program was built without (Debian package libjansson-dev)", NULL);
    if (o->command == COMMAND_SHOW && o->operand) {
        op = strtoul(o->operand, &end, 0);
        if (*o->operand < '0' || *o->operand > '9' || *end || op >= UINT32_MAX)
            return options__wrong("an op's number is wanted, as weir_op_index says it", o->operand);
        o->op = (uint32_t)op;
    }
    return 0;
}

int options_parse(struct options *o, int argc, char **argv)
{
    int words = 0;
    memset(o, 0, sizeof *o);
    o->min_age = -1;
    for (int i = 1; i < argc; i++) {
        int error = 0;
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0 || (!words && strcmp(argv[i], "help") == 0)) {
            fputs(help, stdout);
            return 1;
        } else if (strcmp(argv[i], "--version") == 0) {
            printf("weir-inspect " WEIR_VERSION ", segments of version %d\n", DEBUG_VERSION);
            return 1;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            error = options__option(o, argc, argv, &i);
        } else if (words++ == 0) {
            while (o->command < COMMANDS && strcmp(argv[i], command_names[o->command]) != 0)
                o->command++;
            if (o->command == COMMANDS)
                return options__wrong("no such command; there are list, show, leaks, mark, check", argv[i]);
        } else if (words == 2) {
            o->target = argv[i];
        } else {
            o->operand = argv[i];
        }
        if (error)
            return error;
    }
    return words ? options__check(o, words) : options__wrong("a command is wanted: list, show, leaks, mark or check", NULL);
}
