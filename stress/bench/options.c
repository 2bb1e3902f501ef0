/* options.c - options.h says it. */
#define _GNU_SOURCE
#include "options.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void option_refuse(const char *option, const char *value, const char *what)
{
    fprintf(stderr, "%s: --%s %s: %s\n", program_invocation_short_name, option, value, what);
    exit(2);
}

static double options__read(const char *option, const char *text, double least, double most, bool whole)
{
    char *end, what[80];
    double n = strtod(text, &end);
    snprintf(what, sizeof what, "a %snumber from %.10g to %.10g would be right", whole ? "whole " : "", least, most);
    if (end == text || *end || !(n >= least && n <= most) || (whole && n != (double)(unsigned)n))
        option_refuse(option, text, what);
    return n;
}

double option_number(const char *option, const char *text, double least, double most)
{
    return options__read(option, text, least, most, false);
}

unsigned option_count(const char *option, const char *text, unsigned least, unsigned most)
{
    return (unsigned)options__read(option, text, least, most, true);
}

int option_write(const char *where, int (*write_all)(const char *))
{
    int error = where ? write_all(where) : 0;
    if (error)
        fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, where, strerror(-error));
    return error;
}
