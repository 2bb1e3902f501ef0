/* debug/spec.c - reads what is asked of the debug layer; the grammar is in include/weir/track.h.
 *
 * The text is copied, cut at its commas in the copy, and each word handed to the function of its name. Nothing is guessed: a word that isn't known, a number
 * out of its range, a word that is said twice and a word that has nothing to work on are errors, and each message says what would be right. A message
 * has room for 255 bytes: a word is quoted up to its 40th byte, and the list of known words is short enough.
 *
 * threads   any; nothing is kept. progress: bounded by the text, no memory is taken
 */
#include "spec.h"
#include "../src/os/os.h"
#include "../src/panic.h"
#include <errno.h>
#include <stddef.h>
#include <string.h>

#ifndef WEIR_DEBUG_DEFAULT
#define WEIR_DEBUG_DEFAULT ""
#endif

#define SPEC_KNOWN \
    "guard[=page] track=NAME[(n)] sample=N stacks[=N] journal=N discipline=own report[=FILE] signal=NAME exit=N suppress=FILE " \
    "hung=SECONDS min-age=SECONDS none"
#define SPEC_TRACKERS "xor, sum, sketch(1-8), slots(1-64), releasers, journal(1-256)"
#define SPEC_FOLLOWS "track=NAME, journal=N or guard"
#define SECOND INT64_C(1000000000)

struct spec_reading {
    struct spec *s;
    const char *from;
    const char *name, *value;       /* of the word at hand; value NULL: it has no '=' */
    uint32_t said;                  /* a bit for each of spec__words */
};

/* -- numbers -------------------------------------------------------------------------------------------------------------- */

/* Reads digits up to the end; false: something else stands there, or the number is out of its range. */
static bool spec__digits(const char *text, const char *end, unsigned least, unsigned most, unsigned *out)
{
    unsigned n = 0;
    if (text == end)
        return false;
    for (; text != end; text++) {
        if (*text < '0' || *text > '9' || (n = n * 10 + (unsigned)(*text - '0')) > most)
            return false;
    }
    *out = n;
    return n >= least;
}

static int spec__number(struct spec_reading *r, unsigned least, unsigned most, unsigned *out)
{
    const char *value = r->value ? r->value : "";
    if (spec__digits(value, value + strlen(value), least, most, out))
        return 0;
    return error_set(-EINVAL, "%s: \"%s=%.40s\": a number from %u to %u", r->from, r->name, value, least, most);
}

/* Seconds with at most nine decimals. */
static int spec__seconds(struct spec_reading *r, int64_t least, int64_t *out)
{
    const unsigned most = 31536000;
    const char *value = r->value ? r->value : "", *end = value + strlen(value), *dot = strchr(value, '.');
    unsigned whole = 0, part = 0;
    int64_t unit = SECOND;
    bool good = spec__digits(value, dot ? dot : end, 0, most - 1, &whole);
    if (good && dot) {
        good = end - dot <= 10 && spec__digits(dot + 1, end, 0, 999999999, &part);
        for (const char *p = dot + 1; p < end; p++)
            unit /= 10;
    }
    *out = whole * SECOND + (dot ? (int64_t)part * unit : 0);
    if (good && *out >= least)
        return 0;
    return error_set(-EINVAL, "%s: \"%s=%.40s\": seconds, more than 0 and less than %u, as in %s=2.5", r->from, r->name, value, most,
                     r->name);
}

/* -- the words ------------------------------------------------------------------------------------------------------------ */

static int spec__file(struct spec_reading *r, char *out, size_t size, const char *as_in)
{
    size_t n = r->value ? strlen(r->value) : 0;
    if (!n)
        return error_set(-EINVAL, "%s: \"%s=\" names no file: one without a comma in its name, as in %s", r->from, r->name, as_in);
    if (n >= size)                      /* the whole text is as short: never */
        return error_set(-EINVAL, "%s: \"%s=%.40s...\": a file name of at most %zu bytes", r->from, r->name, r->value, size - 1);
    memcpy(out, r->value, n + 1);
    return 0;
}

static int spec__guard(struct spec_reading *r)
{
    if (r->value && strcmp(r->value, "page") != 0)
        return error_set(-EINVAL, "%s: \"guard=%.40s\": guard, or guard=page", r->from, r->value);
    r->s->guard = true;
    r->s->pages = r->value != NULL;
    return 0;
}

static const struct {
    const char *name;
    unsigned least, most, usual;
} spec__trackers[TRACKERS] = {
    [TRACKER_XOR] = { "xor", 0, 0, 0 },
    [TRACKER_SUM] = { "sum", 0, 0, 0 },
    [TRACKER_SKETCH] = { "sketch", 1, 8, 4 },
    [TRACKER_SLOTS] = { "slots", 1, 64, 8 },
    [TRACKER_RELEASERS] = { "releasers", 0, 0, 0 },
    [TRACKER_JOURNAL] = { "journal", 1, 256, 16 },
};

/* NAME or NAME(n). */
static int spec__track(struct spec_reading *r)
{
    const char *value = r->value ? r->value : "", *open = strchr(value, '('), *end = value + strlen(value);
    size_t n = open ? (size_t)(open - value) : strlen(value);
    unsigned i;
    for (i = TRACKER_NONE + 1; i < TRACKERS; i++)
        if (strlen(spec__trackers[i].name) == n && !memcmp(spec__trackers[i].name, value, n))
            break;
    if (i == TRACKERS)
        return error_set(-EINVAL, "%s: \"track=%.40s\": no such tracker; known: " SPEC_TRACKERS, r->from, value);
    r->s->tracker = (enum debug_tracker)i;
    r->s->parameter = spec__trackers[i].usual;
    if (!open)
        return 0;
    if (!spec__trackers[i].most)
        return error_set(-EINVAL, "%s: \"track=%.40s\": %s takes no number", r->from, value, spec__trackers[i].name);
    if (end[-1] != ')' || !spec__digits(open + 1, end - 1, spec__trackers[i].least, spec__trackers[i].most, &r->s->parameter))
        return error_set(-EINVAL, "%s: \"track=%.40s\": %s takes a number from %u to %u, as in track=%s(%u)", r->from, value,
                         spec__trackers[i].name, spec__trackers[i].least, spec__trackers[i].most, spec__trackers[i].name,
                         spec__trackers[i].usual);
    return 0;
}

static int spec__sample(struct spec_reading *r)
{
    return spec__number(r, 1, 1 << 20, &r->s->sample);
}

static int spec__stacks(struct spec_reading *r)
{
    r->s->stacks = 16;
    return r->value ? spec__number(r, 1, DEBUG_STACK, &r->s->stacks) : 0;
}

static int spec__journal(struct spec_reading *r)
{
    return spec__number(r, 0, 256, &r->s->journal);
}

static int spec__discipline(struct spec_reading *r)
{
    if (!r->value || strcmp(r->value, "own") != 0)
        return error_set(-EINVAL, "%s: \"discipline=%.40s\": discipline=own alone is known: who takes gives back", r->from,
                         r->value ? r->value : "");
    r->s->own = true;
    return 0;
}

static int spec__report(struct spec_reading *r)
{
    r->s->report = true;
    return r->value ? spec__file(r, r->s->report_file, sizeof r->s->report_file, "report=leaks.json") : 0;
}

static int spec__signal(struct spec_reading *r)
{
    const char *name = r->value ? r->value : "";
    r->s->signal = os_signal_number(name);
    if (r->s->signal == -ENOTSUP)
        return error_set(-ENOTSUP, "%s: \"signal=%.40s\": this system has no signals: call weir_leaks, or run weir-inspect", r->from, name);
    if (r->s->signal < 0)
        return error_set(-EINVAL, "%s: \"signal=%.40s\": one of USR1, USR2, HUP, QUIT", r->from, name);
    return 0;
}

static int spec__exit(struct spec_reading *r)
{
    unsigned status = 0;
    int error = spec__number(r, 1, 255, &status);
    r->s->exit_status = (int)status;
    return error;
}

static int spec__suppress(struct spec_reading *r)
{
    return spec__file(r, r->s->suppress, sizeof r->s->suppress, "suppress=weir.supp");
}

static int spec__hung(struct spec_reading *r)
{
    return spec__seconds(r, 1, &r->s->hung);
}

static int spec__min_age(struct spec_reading *r)
{
    return spec__seconds(r, 1, &r->s->min_age);
}

static int spec__none(struct spec_reading *r)
{
    return r->value ? error_set(-EINVAL, "%s: \"none=%.40s\": none takes no value", r->from, r->value) : 0;
}

enum { NEEDS_NOTHING, NEEDS_FOLLOWED, NEEDS_TRACKER };
enum { WORD_TRACK = 1, WORD_JOURNAL = 4, WORD_NONE = 12 };
static const struct spec_word {
    const char *name;
    int (*read)(struct spec_reading *r);
    int needs;                      /* what else must be asked for, so that it means something */
} spec__words[] = {
    { "guard", spec__guard, NEEDS_NOTHING },
    [WORD_TRACK] = { "track", spec__track, NEEDS_NOTHING },
    { "sample", spec__sample, NEEDS_FOLLOWED },
    { "stacks", spec__stacks, NEEDS_FOLLOWED },
    [WORD_JOURNAL] = { "journal", spec__journal, NEEDS_NOTHING },
    { "discipline", spec__discipline, NEEDS_TRACKER },
    { "report", spec__report, NEEDS_FOLLOWED },
    { "signal", spec__signal, NEEDS_FOLLOWED },
    { "exit", spec__exit, NEEDS_FOLLOWED },
    { "suppress", spec__suppress, NEEDS_FOLLOWED },
    { "hung", spec__hung, NEEDS_FOLLOWED },
    { "min-age", spec__min_age, NEEDS_FOLLOWED },
    [WORD_NONE] = { "none", spec__none, NEEDS_NOTHING },
};
enum { SPEC_WORDS = sizeof spec__words / sizeof spec__words[0] };

/* -- the whole ------------------------------------------------------------------------------------------------------------ */

static int spec__word(struct spec_reading *r, char *word)
{
    char *equals = strchr(word, '=');
    unsigned i;
    if (!*word)
        return error_set(-EINVAL, "%s: an empty word, a comma too many: words stand between single commas, as in guard,track=xor", r->from);
    if (equals)
        *equals = 0;
    r->name = word;
    r->value = equals ? equals + 1 : NULL;
    for (i = 0; i < SPEC_WORDS; i++)
        if (!strcmp(spec__words[i].name, word))
            break;
    if (i == SPEC_WORDS)
        return error_set(-EINVAL, "%s: unknown word \"%.40s\"; known: " SPEC_KNOWN, r->from, word);
    if (r->said & 1u << i)
        return error_set(-EINVAL, "%s: \"%s\" is said twice: once is enough, and two might contradict each other", r->from, word);
    r->said |= 1u << i;
    return spec__words[i].read(r);
}

/* What single words can't know: those that contradict or need one another. */
static int spec__together(struct spec_reading *r)
{
    struct spec *s = r->s;
    if (r->said & 1u << WORD_NONE)
        return r->said == 1u << WORD_NONE
                   ? 0
                   : error_set(-EINVAL, "%s: \"none\" stands beside other words: leave it out, or leave them out", r->from);
    if (s->tracker == TRACKER_JOURNAL && r->said & 1u << WORD_JOURNAL)
        return error_set(-EINVAL, "%s: \"journal=%u\" beside track=journal, which keeps one itself: say track=journal(n) alone", r->from,
                         s->journal);
    if (s->guard && s->tracker != TRACKER_JOURNAL && !(r->said & 1u << WORD_JOURNAL))
        s->journal = 8;
    for (unsigned i = 0; i < SPEC_WORDS; i++) {
        if (!(r->said & 1u << i))
            continue;
        if (spec__words[i].needs == NEEDS_TRACKER && s->tracker == TRACKER_NONE)
            return error_set(-EINVAL, "%s: \"%s\" without a tracker: add track=NAME; known: " SPEC_TRACKERS, r->from, spec__words[i].name);
        if (spec__words[i].needs == NEEDS_FOLLOWED && s->tracker == TRACKER_NONE && !s->journal)
            return error_set(-EINVAL, "%s: \"%s\", but nothing is followed: add " SPEC_FOLLOWS ", as in track=sketch,%s", r->from,
                             spec__words[i].name, spec__words[i].name);
    }
    return 0;
}

/* Blanks around a word are no part of it. */
static char *spec__trim(char *word)
{
    size_t n;
    word += strspn(word, " \t");
    for (n = strlen(word); n && (word[n - 1] == ' ' || word[n - 1] == '\t'); n--)
        word[n - 1] = 0;
    return word;
}

int spec_parse(struct spec *out, const char *text, const char *from)
{
    struct spec_reading r = { .s = out, .from = from };
    char copy[sizeof out->text], *word = copy, *next;
    size_t n = text ? strlen(text) : 0;
    memset(out, 0, sizeof *out);
    out->sample = 1;
    out->hung = 60 * SECOND;
    if (n >= sizeof copy)
        return error_set(-EINVAL, "%s: a text of %zu bytes: at most %zu", from, n, sizeof copy - 1);
    if (n)
        memcpy(out->text, text, n);
    memcpy(copy, out->text, sizeof copy);
    if (!*spec__trim(copy))
        return 0;
    for (; word; word = next) {
        int error;
        next = strchr(word, ',');
        if (next)
            *next++ = 0;
        error = spec__word(&r, spec__trim(word));
        if (error)
            return error;
    }
    return spec__together(&r);
}

int spec_choose(struct spec *out, const char *config)
{
    const char *environment;
    if (config)
        return spec_parse(out, config, "debug");
    environment = os_environment("WEIR_DEBUG");
    if (environment)
        return spec_parse(out, environment, "WEIR_DEBUG");
    return spec_parse(out, WEIR_DEBUG_DEFAULT, "WEIR_DEBUG_DEFAULT");
}
