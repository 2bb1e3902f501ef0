/* tests/fuzz/hostile.c - see hostile.h. */
#include "hostile.h"
#include "fuzz.h"

#include "../debug_image.h"
#include "../../debug/reader_private.h"
#include "../../debug/inspect/inspect.h"

#include <weir/error.h>

enum { SHAPES = 8, CHANGES = 64, NEAR = 12 };

/* -- the segments that all begins with ------------------------------------------------------------------------------------------------------ */

static struct image hostile_image[SHAPES];

static void hostile__make(void)
{
    static const struct image_shape shape[SHAPES] = {
        { TRACK_POOL, TRACKER_SKETCH, 4, 4, 40, 0 }, { TRACK_POOL, TRACKER_SLOTS, 4, 0, 40, 0 },        { TRACK_POOL, TRACKER_XOR, 0, 4, 40, DEBUG_OWN },
        { TRACK_DOMAIN, TRACKER_SUM, 0, 0, 40, 0 },  { TRACK_POOL, TRACKER_RELEASERS, 0, 0, 40, 0 },    { TRACK_POOL, TRACKER_JOURNAL, 8, 0, 40, 0 },
        { TRACK_POOL, TRACKER_NONE, 0, 8, 40, DEBUG_GUARD }, { TRACK_DOMAIN, TRACKER_SKETCH, 1, 0, 40, DEBUG_OWN },
    };
    for (int i = 0; i < SHAPES; i++) {
        struct image *im = &hostile_image[i];
        *im = image_usual("hostile", &shape[i]);
        image_cut(im, 4, 2, 1, 1);
        image_site_at(im, 4)->state = DEBUG_READY, image_site_at(im, 4)->kind = SITE_STACK, image_site_at(im, 4)->offset = UINT64_C(3) << 32 | 5;
        image_site_at(im, 5)->state = DEBUG_READY, image_site_at(im, 5)->kind = SITE_ADDRESS, image_site_at(im, 5)->offset = 0x1234;
        ((struct debug_module *)image_at(im, im->head->modules_at))->state = DEBUG_READY;
        image_token(im, 5, 1, 4);
        image_token(im, 6, 2, 5);
        image_begin(im, 6, 1, 5);
        image_begin(im, 7, 1, 6);
    }
}

/* -- what is changed -------------------------------------------------------------------------------------------------------------------------- */

static uint64_t hostile__number(struct fuzz_input *in, const struct image *im)
{
    static const uint64_t likely[] = { 0, 1, 2, 7, 8, 63, 64, 1024, 4095, 4096, 65535, 65536, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
                                       0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff };
    uint8_t how = fuzz_u8(in);
    uint64_t number;
    if (how < sizeof likely / sizeof likely[0])
        return likely[how];
    if (how < 128)
        return im->bytes - NEAR + how % (2 * NEAR);
    number = fuzz_u32(in);
    if (how < 160)
        number |= (uint64_t)fuzz_u32(in) << 32;
    return how < 160 ? number : number >> how % 32;
}

/* A number that says where something is or how many there are, set to one that fits with the segment's end, or nearly. */
#define FIELD(name) { offsetof(struct debug_header, name), sizeof(((struct debug_header *)0)->name) }
static void hostile__geometry(struct fuzz_input *in, const struct image *im, char *base)
{
    static const struct { size_t at, width; } field[] = {
        FIELD(bytes), FIELD(objects), FIELD(holders), FIELD(sites), FIELD(tokens), FIELD(modules), FIELD(text_bytes), FIELD(frames), FIELD(nodes),
        FIELD(chunk_bytes), FIELD(chunks), FIELD(modules_at), FIELD(holders_at), FIELD(sites_at), FIELD(tokens_at), FIELD(text_at), FIELD(frames_at),
        FIELD(nodes_at), FIELD(ready_at), FIELD(chunks_at), FIELD(line_words), FIELD(tracker_words), FIELD(parameter), FIELD(journal), FIELD(tracker),
    };
    uint8_t which = fuzz_u8(in) % (sizeof field / sizeof field[0]), how = fuzz_u8(in);
    uint64_t number = 0, less = fuzz_u8(in);
    memcpy(&number, base + field[which].at, field[which].width);
    if (how < 100)
        number = im->bytes - less * 8;
    else if (how < 180)
        number += less - 128;
    else
        number *= less;
    memcpy(base + field[which].at, &number, field[which].width);
}

/* The header; a table; the lines of the first objects. */
static size_t hostile__place(struct fuzz_input *in, const struct image *im)
{
    const struct debug_header *h = im->head;
    uint8_t part = fuzz_u8(in);
    uint32_t at = fuzz_u32(in);
    if (part < 80)
        return at % sizeof *h;
    if (part < 200)
        return (size_t)(h->modules_at + at % (h->chunks_at - h->modules_at));
    if (part < 210)
        return (size_t)h->chunks_at + at % 64;                                  /* births */
    if (part < 220)
        return (size_t)h->chunks_at + CHUNK_PLACES + at % 64;
    return (size_t)(h->chunks_at + chunk_lines(h->kind == TRACK_DOMAIN) + at % (8 * 8 * h->line_words));
}

static void hostile__change(struct fuzz_input *in, const struct image *im, char *base, size_t *bytes)
{
    uint8_t how = fuzz_u8(in);
    size_t at, width = (size_t)1 << how % 4, n;
    uint64_t number;
    if (how < 40) {
        hostile__geometry(in, im, base);
        return;
    }
    at = hostile__place(in, im);
    if (how < 200) {
        number = hostile__number(in, im);
        at -= at % width;
        memcpy(base + at, &number, width);
    } else if (how < 230) {
        n = fuzz_u8(in) * (how % 2 ? 1u : 16u);
        memset(base + at, fuzz_u8(in), at + n < im->bytes ? n : im->bytes - at);
    } else {
        n = how < 240 ? fuzz_u32(in) % im->bytes : im->bytes - fuzz_u8(in);
        *bytes = n < *bytes ? n : *bytes;
    }
}

/* -- all commands ------------------------------------------------------------------------------------------------------------------------------- */

static void hostile__clean(const struct out *out)
{
    for (size_t i = 0; i < out->bytes; i++)
        if ((unsigned char)out->text[i] < ' ' && out->text[i] != '\n')
            fuzz_fail("byte %u came through at %u: %.200s", (unsigned)out->text[i], (unsigned)i, out->text);
}

static void hostile__status(int status, const struct out *out)
{
    if (status != INSPECT_CLEAN && status != INSPECT_UNSURE && status != INSPECT_LEAKS && status != INSPECT_USAGE)
        fuzz_fail("status %d", status);
    FUZZ_NEED(out->bytes > 0);
    hostile__clean(out);
}

static void hostile__commands(struct reader *r)
{
    static struct out out, said;
    struct inspected in = { r, "hostile", "/nowhere/hostile", "hostile", NULL };
    struct options o = { .min_age = 0 };
    struct list_row row;
    inspect_row(&in, &row);
    out_clear(&out);
    hostile__status(list_print(&row, 1, &o, &out), &out);
    for (int json = 0; json < (json_built() ? 2 : 1); json++) {
        o.json = json;
        out_clear(&out);
        hostile__status(show_pool(&in, &o, &out), &out);
        for (o.op = 4; o.op < 7; o.op++) {
            out_clear(&out);
            hostile__status(show_op(&in, &o, &out), &out);
        }
        out_clear(&out);
        hostile__status(check_pool(&in, &o, &out), &out);
    }
    for (int form = 0; form < 3; form++) {
        o.json = form == 1, o.folded = form == 2;
        out_clear(&out);
        leaks_pool(&in, &o, false, &out, &said);
        hostile__clean(&out);
    }
}

enum hostile hostile_run(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size, 0 };
    const struct image *im;
    struct reader r;
    size_t bytes;
    char *base, *cut;
    int error;
    if (!hostile_image[0].base)
        hostile__make();
    im = &hostile_image[fuzz_u8(&in) % SHAPES];
    bytes = im->bytes;
    base = malloc(bytes);
    FUZZ_NEED(base != NULL);
    memcpy(base, im->base, bytes);
    for (int i = 0; fuzz_more(&in) && i < CHANGES; i++)
        hostile__change(&in, im, base, &bytes);
    cut = realloc(base, bytes ? bytes : 1);
    FUZZ_NEED(cut != NULL);
    error = reader_open(&r, cut, bytes);
    if (error) {
        FUZZ_NEED(error == -EINVAL && weir_error_message()[0]);
        hostile__clean(&(struct out){ (char *)(uintptr_t)weir_error_message(), strlen(weir_error_message()), 0 });
    } else {
        reader_tables(&r)->waited = READER_PATIENCE;    /* nobody changes it: there is nothing to wait for */
        hostile__commands(&r);
    }
    reader_close(&r);
    free(cut);
    return error ? HOSTILE_REFUSED : HOSTILE_REPORTED;
}
