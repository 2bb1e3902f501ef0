/* tests/fuzz/replay.c - run the inputs in files and directories through a fuzz target, without libFuzzer: the corpus as an ordinary test.
 *
 *     fuzz_pool_replay corpus/pool [file or directory ...]
 *
 * Names the input that fails, prints how many there were. No input at all is a failure.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

static unsigned inputs;
static const char *current;

static void replay__aborted(int number)
{
    (void)number;
    fprintf(stderr, "replay: the input is %s\n", current ? current : "none");
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void replay__file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(1 << 20);
    size_t size;
    if (!f || !data) {
        fprintf(stderr, "replay: %s can't be read\n", path);
        exit(2);
    }
    size = fread(data, 1, 1 << 20, f);
    fclose(f);
    data = realloc(data, size + 1);         /* close to its end, so that a sanitizer sees a read behind it */
    current = path;
    if (getenv("WEIR_FUZZ_VERBOSE"))
        fprintf(stderr, "replay: %s\n", path);
    LLVMFuzzerTestOneInput(data, size);
    current = NULL;
    free(data);
    inputs++;
}

static void replay__path(const char *path)
{
    struct stat info;
    struct dirent *entry;
    DIR *directory;
    char below[4096];
    if (stat(path, &info) == 0 && !S_ISDIR(info.st_mode)) {
        replay__file(path);
        return;
    }
    directory = opendir(path);
    if (!directory) {
        fprintf(stderr, "replay: there is no %s\n", path);
        exit(2);
    }
    while ((entry = readdir(directory)) != NULL) {
        snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.')
            replay__path(below);
    }
    closedir(directory);
}

int main(int argc, char **argv)
{
    signal(SIGABRT, replay__aborted);
    for (int i = 1; i < argc; i++)
        replay__path(argv[i]);
    printf("%u inputs\n", inputs);
    return inputs ? 0 : 1;
}
