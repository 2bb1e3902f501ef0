/* machine.c - the machine, the kernel, the compiler and its flags: what the numbers belong to. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench.h"

static void machine__cpu(struct machine *m)
{
    char line[400], *value;
    FILE *f = fopen("/proc/cpuinfo", "r");
    snprintf(m->cpu, sizeof m->cpu, "an unnamed processor");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "model name", 10) == 0 && (value = strchr(line, ':')) != NULL) {
            value[strcspn(value, "\n")] = 0;
            snprintf(m->cpu, sizeof m->cpu, "%.180s", value + 2);
            break;
        }
    if (f)
        fclose(f);
}

const struct machine *machine_get(void)
{
    static struct machine m;
    struct utsname system;
    if (m.cpu[0])
        return &m;
    machine__cpu(&m);
    if (getloadavg(&m.load, 1) != 1)
        m.load = 0;
    m.processors = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    if (uname(&system) == 0)
        snprintf(m.kernel, sizeof m.kernel, "%s %.90s %s", system.sysname, system.release, system.machine);
    snprintf(m.memory, sizeof m.memory, "%.1f GiB",
             (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / (1024.0 * 1024 * 1024));
    snprintf(m.compiler, sizeof m.compiler, "%s", WEIR_BENCH_COMPILER);
    snprintf(m.flags, sizeof m.flags, "%s", WEIR_BENCH_FLAGS);
    return &m;
}

const char *machine_command(const char *program, int argc, char **argv)
{
    static char line[1000];
    snprintf(line, sizeof line, "%s", program);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0 || strcmp(argv[i], "--csv") == 0) {
            i++;
            continue;
        }
        strncat(line, " ", sizeof line - strlen(line) - 1);
        strncat(line, argv[i], sizeof line - strlen(line) - 1);
    }
    return line;
}
