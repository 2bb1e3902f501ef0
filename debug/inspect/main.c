/* main.c - weir-inspect: who holds what was never given back. See options.c for what it is asked, run.c for what it does. */
#include "inspect.h"
#include "../../src/os/os.h"
#include "symbols.h"

#include <stdio.h>

static void main__sleep(int64_t ns)
{
    uint32_t nobody = 0;
    int64_t until = os_now() + ns;
    while (os_wait(&nobody, 0, until) == 0) {
    }
}

int main(int argc, char **argv)
{
    struct options o;
    struct symbols *symbols;
    int status = options_parse(&o, argc, argv);
    if (status)
        return status - 1;
    symbols = symbols_open(o.debug_dir, o.servers);
    status = inspect_run(&o, symbols);
    while (o.watch && fflush(stdout) == 0 && status != INSPECT_USAGE) {
        main__sleep(o.watch);
        fputs("\n", stdout);
        status = inspect_run(&o, symbols);
    }
    symbols_close(symbols);
    if (fflush(stdout) != 0 || ferror(stdout))
        return INSPECT_UNSURE;
    return status;
}
