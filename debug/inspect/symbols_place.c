/* symbols_place.c - from an address to the line that a user would call the place.
 *
 * Purpose    weir's fast paths are inlined, so the address that called into the library lies, as the line table has it, in
 *            include/weir/inline/ref.h. Nobody looks for his leak there: the place is the line that called weir_op_unref.
 * How        DWARF nests scopes: the function, in it the calls that were inlined, each with the line that it was called from. From the innermost
 *            outwards, the first line that isn't in weir's own headers is the place, and the function around it its name. A function of the
 *            user's that was inlined into another is named itself, not the other.
 * Wrong      A line 0 (the compiler's own code, or lines that it merged) is said as 0: a neighbour's line would be a guess.
 *
 *     scopes:   put_back (weir/inline/op.h)  <- inlined at unref's line  <- inlined at session.c:218  <- function on_read
 *                        step out, called from weir/inline/ref.h            step out: session.c:218    it is named
 */
#include "symbols_place.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool place__is_wrapper(const char *file)
{
    return file && strstr(file, "include/weir/");
}

/* A compiler may leave out the table of address ranges: then each unit is asked. */
static Dwarf_Die *place__unit(Dwfl_Module *module, Dwarf_Addr address, Dwarf_Addr *bias)
{
    Dwarf_Die *unit = dwfl_module_addrdie(module, address, bias);
    if (unit)
        return unit;
    while ((unit = dwfl_module_nextcu(module, unit, bias)) && dwarf_haspc(unit, address - *bias) != 1) {
    }
    return unit;
}

/* The scopes around the address, innermost first, as they lie in the code (not where an inlined function was written). free(*out). */
static int place__scopes(Dwarf_Die *unit, Dwarf_Addr pc, Dwarf_Die **out)
{
    Dwarf_Die *around = NULL, innermost;
    int n = dwarf_getscopes(unit, pc, &around);
    *out = NULL;
    if (n <= 0)
        return 0;
    innermost = around[0];
    free(around);
    n = dwarf_getscopes_die(&innermost, out);
    return n > 0 ? n : 0;
}

static bool place__is_code(Dwarf_Die *scope)
{
    int tag = dwarf_tag(scope);
    return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
}

static const char *place__call_file(Dwarf_Die *unit, Dwarf_Die *scope, Dwarf_Word *line)
{
    Dwarf_Attribute attribute;
    Dwarf_Files *files;
    Dwarf_Word file = 0;
    size_t n;
    if (dwarf_tag(scope) != DW_TAG_inlined_subroutine || dwarf_getsrcfiles(unit, &files, &n) ||
        dwarf_formudata(dwarf_attr(scope, DW_AT_call_file, &attribute), &file) || file >= n)
        return NULL;
    if (dwarf_formudata(dwarf_attr(scope, DW_AT_call_line, &attribute), line))
        *line = 0;
    return dwarf_filesrc(files, file, NULL, NULL);
}

/* As the compiler was given it, which is what __FILE__ says, too: without the directory that it ran in. */
static void place__file(Dwarf_Die *unit, const char *file, char *out, size_t size)
{
    Dwarf_Attribute attribute;
    const char *directory = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attribute));
    size_t n = directory ? strlen(directory) : 0;
    if (n && strncmp(file, directory, n) == 0 && file[n] == '/')
        file += n + 1;
    if (strncmp(file, "./", 2) == 0)
        file += 2;
    n = strlen(file);
    if (n >= size)                      /* the end says more than the beginning */
        file += n - (size - 1);
    snprintf(out, size, "%s", file);
}

static void place__function(Dwarf_Die *scopes, int from, int n, char *out, size_t size)
{
    const char *name = NULL;
    for (; from < n && !name; from++)
        if (place__is_code(&scopes[from]))
            name = dwarf_diename(&scopes[from]);
    snprintf(out, size, "%s", name ? name : "");
}

bool symbols_place(Dwfl_Module *module, Dwarf_Addr address, struct report_symbol *out)
{
    Dwarf_Addr bias = 0;
    Dwarf_Die *unit = place__unit(module, address, &bias), *scopes;
    Dwarf_Line *row = unit ? dwarf_getsrc_die(unit, address - bias) : NULL;
    const char *file = row ? dwarf_linesrc(row, NULL, NULL) : NULL, *outer;
    Dwarf_Word line = 0;
    int n, number = 0, at = 0;
    if (!file)
        return false;
    if (dwarf_lineno(row, &number) == 0 && number > 0)
        line = (Dwarf_Word)number;
    n = place__scopes(unit, address - bias, &scopes);
    for (int i = 0; i < n && place__is_wrapper(file); i++) {
        outer = place__call_file(unit, &scopes[i], &line);
        if (outer) {
            file = outer;
            at = i + 1;
        }
    }
    place__file(unit, file, out->file, sizeof out->file);
    place__function(scopes, at, n, out->function, sizeof out->function);
    out->line = line <= INT32_MAX ? (int)line : 0;
    free(scopes);
    return true;
}
