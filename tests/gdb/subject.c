/* subject.c - a process whose watched pools are known to the last word, for tests/test_gdb.sh: segments made by hand, one for each tracker, mapped as the
 * layer maps its own. It prints its pid when all is there, and waits for a signal. Who starts it removes the files, "weir.debug.*.<pid>".
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "debug_image.h"

/* The usual image (tests/debug_image.h), moved to a file that the process maps, as a segment is. */
static void subject__map(struct image *im, const char *name)
{
    char path[128];
    void *base;
    int file;
    snprintf(path, sizeof path, "/dev/shm/weir.debug.%s.%d", name, (int)getpid());
    file = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (file < 0 || ftruncate(file, (off_t)im->bytes))
        abort();
    base = mmap(NULL, im->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (base == MAP_FAILED)
        abort();
    memcpy(base, im->base, im->bytes);
    close(file);
    image_free(im);
}

static void subject__usual(const char *name, enum debug_tracker tracker, unsigned parameter, unsigned flags)
{
    struct image_shape shape = { TRACK_POOL, tracker, parameter, tracker == TRACKER_JOURNAL || tracker == TRACKER_RELEASERS ? 0 : 4, 2000, flags };
    struct image im = image_usual(name, &shape);
    image_holder_at(&im, 2)->tid++;     /* the image's two have one thread id; op 8 is held by two */
    image_begin(&im, 8, 1, 1);
    image_take(&im, 8, 2);
    subject__map(&im, name);
}

/* Op 1500, of the second chunk: five holders' tokens are one more than a sketch of 4 names; op 6: a ledger; op 7: stopped in the midst of an update. */
static void subject__odd(void)
{
    struct image_shape shape = { TRACK_POOL, TRACKER_SKETCH, 4, 4, 2000, 0 };
    struct image im = image_usual("odd", &shape);
    for (uint32_t i = 4; i <= 6; i++)
        image_token(&im, i, 1, 1);
    image_begin(&im, 1500, 1, 1);
    for (uint32_t i = 2; i <= 5; i++)
        image_take(&im, 1500, i);
    image_begin(&im, 6, 1, 1);
    image_take(&im, 6, 1);
    image_give(&im, 6, 2);
    image_begin(&im, 7, 1, 1);
    image_cut(&im, 7, 2, 1, 2);
    for (uint32_t i = 0; i < 6; i++)
        image_event(&im, 6, i, i % 2, 1, 5001 + i, 1);
    subject__map(&im, "odd");
}

static void subject__domain(void)
{
    struct image_shape shape = { TRACK_DOMAIN, TRACKER_SKETCH, 2, 0, 100, DEBUG_OWN };
    struct image im = image_usual("connections", &shape);
    *image_object(&im, 3) = 0xabc0;
    subject__map(&im, "connections");
}

/* Named as a segment, and none. */
static void subject__foreign(void)
{
    struct image_shape shape = { TRACK_POOL, TRACKER_XOR, 0, 0, 100, 0 };
    struct image im = image_usual("later", &shape);
    im.head->version = 2;
    subject__map(&im, "later");
}

/* As the layer does: shared mappings of files go into a core. */
static void subject__core(void)
{
    FILE *f = fopen("/proc/self/coredump_filter", "w");
    if (!f || fputs("0x3b", f) < 0 || fclose(f))
        abort();
}

/* An argument: without that. */
int main(int argc, char **argv)
{
    (void)argv;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);      /* gdb is not its parent */
    if (argc == 1)
        subject__core();
    subject__usual("by-sketch", TRACKER_SKETCH, 4, 0);
    subject__usual("by-xor", TRACKER_XOR, 0, DEBUG_OWN);
    subject__usual("by-sum", TRACKER_SUM, 0, DEBUG_OWN);
    subject__usual("by-slots", TRACKER_SLOTS, 4, 0);
    subject__usual("by-journal", TRACKER_JOURNAL, 8, 0);
    subject__usual("by-releasers", TRACKER_RELEASERS, 0, DEBUG_OWN);
    subject__odd();
    subject__domain();
    subject__foreign();
    printf("%d\n", (int)getpid());
    fflush(stdout);
    pause();
    return 0;
}
