/* point.c - where the labelled points go in a build with WEIR_POINTS.
 *
 * Purpose    tests and stress programs yield, or park a thread, between any two steps of the library.
 * Invariant  a release build has neither this file nor the calls: WEIR_POINT is nothing there.
 * Threads    any; the hook is called on the thread that passes the point, also inside the library's locks and thread exit.
 * Goes wrong the hook must not call the library, and must order nothing that a sanitizer should see unordered.
 *
 *   weir_point_1 x weir_point_1, store of the hook: any.    wait-free beside the hook itself
 */
#include <weir/inline/atomic.h>

void (*weir_point_hook_1)(const char *label);

void weir_point_1(const char *label)
{
    void (*hook)(const char *) = WEIR_LOAD_ACQUIRE(&weir_point_hook_1);     /* pairs with the program's release store */
    if (hook)
        hook(label);
}
