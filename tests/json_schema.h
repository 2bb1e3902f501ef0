/* tests/json_schema.h - does a JSON value keep to a schema? For the part of JSON Schema that debug/leaks.schema.json uses: type, required, properties,
 * additionalProperties false, items, enum, minimum, pattern, $ref to #/$defs. A keyword that isn't known here is an error, never passed over. */
#ifndef WEIR_TESTS_JSON_SCHEMA_H
#define WEIR_TESTS_JSON_SCHEMA_H

#include <jansson.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct schema {
    json_t *root;
    char wrong[256];        /* "": nothing */
};

static void schema__says(struct schema *s, const char *at, const char *keyword)
{
    if (!*s->wrong)
        snprintf(s->wrong, sizeof s->wrong, "%.100s: not so: %.100s", at, keyword);
}

static bool schema__is(const char *type, const json_t *value)
{
    return (!strcmp(type, "object") && json_is_object(value)) || (!strcmp(type, "array") && json_is_array(value)) ||
           (!strcmp(type, "string") && json_is_string(value)) || (!strcmp(type, "integer") && json_is_integer(value)) ||
           (!strcmp(type, "number") && json_is_number(value));
}

static bool schema__matches(const char *pattern, const char *text)
{
    regex_t regex;
    bool matches;
    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB))
        return false;
    matches = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return matches;
}

static void schema__check(struct schema *s, json_t *rule, json_t *value, const char *at);

static void schema__members(struct schema *s, json_t *rule, json_t *value, const char *at)
{
    json_t *properties = json_object_get(rule, "properties"), *member;
    const char *name;
    json_object_foreach(value, name, member) {
        json_t *its = json_object_get(properties, name);
        if (its)
            schema__check(s, its, member, name);
        else if (json_is_false(json_object_get(rule, "additionalProperties")))
            schema__says(s, name, "a known property");
    }
    (void)at;
}

static void schema__keyword(struct schema *s, json_t *rule, const char *keyword, json_t *with, json_t *value, const char *at)
{
    size_t i;
    json_t *each;
    bool good = true;
    if (!strcmp(keyword, "type")) {
        good = schema__is(json_string_value(with), value);
    } else if (!strcmp(keyword, "required")) {
        json_array_foreach(with, i, each)
            good &= json_object_get(value, json_string_value(each)) != NULL;
    } else if (!strcmp(keyword, "properties")) {
        schema__members(s, rule, value, at);
    } else if (!strcmp(keyword, "items")) {
        json_array_foreach(value, i, each)
            schema__check(s, with, each, at);
    } else if (!strcmp(keyword, "enum")) {
        good = false;
        json_array_foreach(with, i, each)
            good |= json_equal(each, value);
    } else if (!strcmp(keyword, "minimum")) {
        good = json_number_value(value) >= json_number_value(with);
    } else if (!strcmp(keyword, "pattern")) {
        good = json_is_string(value) && schema__matches(json_string_value(with), json_string_value(value));
    } else if (!strcmp(keyword, "$ref")) {
        const char *name = json_string_value(with);
        schema__check(s, json_object_get(json_object_get(s->root, "$defs"), name + (strncmp(name, "#/$defs/", 8) ? 0 : 8)), value, at);
    } else {
        good = !strcmp(keyword, "title") || !strcmp(keyword, "description") || !strcmp(keyword, "$schema") || !strcmp(keyword, "$defs") ||
               !strcmp(keyword, "additionalProperties");
    }
    if (!good)
        schema__says(s, at, keyword);
}

static void schema__check(struct schema *s, json_t *rule, json_t *value, const char *at)
{
    const char *keyword;
    json_t *with;
    if (!json_is_object(rule))
        schema__says(s, at, "a schema");
    json_object_foreach(rule, keyword, with)
        schema__keyword(s, rule, keyword, with, value, at);
}

/* NULL, or what is wrong. */
static const char *schema_wrong(const char *file, json_t *value)
{
    static struct schema s;
    json_error_t error;
    s.wrong[0] = 0;
    s.root = json_load_file(file, 0, &error);
    if (!s.root) {
        snprintf(s.wrong, sizeof s.wrong, "%.100s:%d: %.100s", file, error.line, error.text);
        return s.wrong;
    }
    schema__check(&s, s.root, value, "the whole");
    json_decref(s.root);
    return *s.wrong ? s.wrong : NULL;
}

#endif
