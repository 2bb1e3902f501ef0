/* plugin.c - the peer of a program that loads it: a shared object that was linked to weir's shared library, opened by dlopen. */
#include <dlfcn.h>

#include "../peer.h"

const struct peer *bench_peer(void)
{
    const struct peer *(*entry)(void);
    void *plugin = dlopen(WEIR_BENCH_PLUGIN_FILE, RTLD_NOW | RTLD_LOCAL);
    if (!plugin || !(entry = (const struct peer *(*)(void))(uintptr_t)dlsym(plugin, "bench_plugin_peer")))
        bench_fail("%s", dlerror());
    return entry();
}
