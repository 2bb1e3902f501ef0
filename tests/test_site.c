/* tests/test_site.c - debug/site.c and module.c: each place in the source once, whoever comes from there. */
#include "os_support.h"

#include "../debug/site.h"
#include "../debug/token_private.h"
#include "debug_support.h"
#include "track_slot.h"

static struct watch *begin(struct fake_shape shape)
{
    struct watch *w = fake_watch(shape);
    assert_non_null(watch_locals(w));
    return w;
}

static void end(struct watch *w)
{
    token_forget(w);
    fake_watch_end(w);
}

static const char *text(const struct watch *w, uint32_t at)
{
    assert_true(at < w->head->text_bytes);
    return w->text + at;
}

static unsigned ready_sites(const struct watch *w)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < w->head->sites; i++)
        n += w->sites[i].state == DEBUG_READY;
    return n;
}

static void a_place_in_the_source_is_written_once(void **state)
{
    (void)state;
    struct watch *w = begin((struct fake_shape){ 0 });
    static const struct weir_site a = { "session.c", 218, "session_begin" }, b = { "session.c", 219, "session_begin" }, same = { "session.c", 218, "session_begin" };
    uint32_t i = site_of_source(w, &a);
    assert_int_not_equal(i, 0);
    assert_int_equal(site_of_source(w, &a), i);
    assert_int_equal(site_of_source(w, &same), i);              /* the same place, by another address */
    assert_int_not_equal(site_of_source(w, &b), i);
    assert_int_equal(w->sites[i].state, DEBUG_READY);
    assert_int_equal(w->sites[i].kind, SITE_SOURCE);
    assert_int_equal(w->sites[i].line, 218);
    assert_string_equal(text(w, w->sites[i].file), "session.c");
    assert_string_equal(text(w, w->sites[i].function), "session_begin");
    assert_int_equal(ready_sites(w), 2);
    assert_int_equal(w->head->text_used, 1 + 10 + 14);          /* each text once */
    end(w);
}

static void a_return_address_becomes_a_module_and_an_offset(void **state)
{
    (void)state;
    struct watch *w = begin((struct fake_shape){ 0 });
    static int here[2];
    struct os_module module;
    assert_int_equal(os_module_of(&here, &module), 0);
    uint32_t i = site_of_address(w, &here[0]), j = site_of_address(w, &here[1]);
    assert_true(i != 0 && j != 0 && i != j);
    assert_int_equal(site_of_address(w, &here[0]), i);
    assert_int_equal(w->sites[i].kind, SITE_ADDRESS);
    assert_int_equal(w->sites[i].module, w->sites[j].module);
    const struct debug_module *m = &w->modules[w->sites[i].module];
    assert_int_equal(m->state, DEBUG_READY);
    assert_int_equal(m->base, module.base);
    assert_int_equal(m->pid, os_pid());
    assert_int_equal(m->base + w->sites[i].offset, (uintptr_t)&here[0]);
    assert_string_equal(text(w, m->path), module.path);
    assert_int_equal(m->id_bytes, module.id_bytes);
    assert_memory_equal(m->build_id, module.build_id, module.id_bytes);
    end(w);
}

static void code_of_no_module_keeps_its_address(void **state)
{
    (void)state;
    struct watch *w = begin((struct fake_shape){ 0 });
    void *pages = os_pages(4096);
    uint32_t i = site_of_address(w, pages);
    assert_int_not_equal(i, 0);
    assert_int_equal(w->sites[i].module, 0);
    assert_int_equal(w->sites[i].offset, (uintptr_t)pages);
    os_pages_free(pages, 4096);
    end(w);
}

/* As another process of a shared pool would: nothing in its own memory is known. */
static void another_process_finds_what_is_there(void **state)
{
    (void)state;
    struct watch *w = begin((struct fake_shape){ 0 });
    static const struct weir_site a = { "a.c", 1, "f" };
    static int here;
    const void *stack[2] = { &here, &a };
    uint32_t source = site_of_source(w, &a), address = site_of_address(w, &here), frames = site_of_stack(w, stack, 2);
    struct debug_header before = *w->head;
    unsigned n = ready_sites(w);
    token_forget(w);
    assert_non_null(watch_locals(w));
    for (uint32_t i = 1; i < w->head->modules; i++)             /* ... and its libraries lie elsewhere */
        w->modules[i].base += 4096;
    assert_int_equal(site_of_source(w, &a), source);
    assert_int_equal(site_of_address(w, &here), address);
    assert_int_equal(site_of_stack(w, stack, 2), frames);
    assert_int_equal(ready_sites(w), n);
    assert_int_equal(w->head->text_used, before.text_used);
    assert_int_equal(w->head->frames_used, before.frames_used);
    end(w);
}

static void stacks_that_differ_in_one_frame_are_two(void **state)
{
    (void)state;
    struct watch *w = begin((struct fake_shape){ 0 });
    static int here[4];
    const void *a[3] = { &here[0], &here[1], &here[2] }, *b[3] = { &here[0], &here[1], &here[3] };
    uint32_t i = site_of_stack(w, a, 3), j = site_of_stack(w, b, 3), shorter = site_of_stack(w, a, 2);
    assert_true(i && j && shorter && i != j && i != shorter && j != shorter);
    assert_int_equal(site_of_stack(w, a, 3), i);
    assert_int_equal(w->sites[i].kind, SITE_STACK);
    assert_int_equal((uint32_t)w->sites[i].offset, 3);
    for (unsigned f = 0; f < 3; f++) {
        uint64_t word = w->frames[(w->sites[i].offset >> 32) + f];
        assert_int_equal(w->modules[word >> 48].base + (word & UINT64_C(0xffffffffffff)), (uintptr_t)a[f]);
    }
    assert_int_equal(w->head->frames_used, 8);
    end(w);
}

static void a_full_table_is_site_0_and_is_counted(void **state)
{
    (void)state;
    struct watch *w = begin((struct fake_shape){ .sites = 8 });
    struct weir_site site[10];
    for (int i = 0; i < 10; i++) {
        site[i] = (struct weir_site){ "a.c", 1 + i, "f" };
        assert_int_equal(site_of_source(w, &site[i]) != 0, i < 7);
    }
    assert_int_equal(site_of_source(w, &site[9]), 0);
    assert_int_not_equal(site_of_source(w, &site[6]), 0);
    assert_int_equal(w->head->numbers.unnamed, 4);
    end(w);
}

static void full_text_or_frames_leave_the_rest(void **state)
{
    (void)state;
    struct watch *w = begin((struct fake_shape){ .text_bytes = 12, .frames = 4 });
    static const struct weir_site a = { "abc.c", 1, "function" }, b = { "abc.c", 2, "f" };
    static int here[2];
    const void *stack[3] = { &here[0], &here[1], &here[0] };
    uint32_t i = site_of_source(w, &a), j = site_of_source(w, &b);
    assert_string_equal(text(w, w->sites[i].file), "abc.c");
    assert_string_equal(text(w, w->sites[i].function), "");
    assert_string_equal(text(w, w->sites[j].function), "f");
    assert_true(w->head->text_used <= 12);
    assert_int_not_equal(site_of_stack(w, stack, 3), 0);
    assert_int_equal(site_of_stack(w, stack, 2), 0);
    assert_true(w->head->frames_used <= 4);
    end(w);
}

static void a_hundred_thousand_addresses_are_each_found_again(void **state)
{
    (void)state;
    struct watch *w = begin((struct fake_shape){ 0 });
    struct locals *l = w->locals;
    for (uint64_t key = 1; key <= 100000; key++)
        site_know(l, key * 16, (uint32_t)key);
    for (uint64_t key = 1; key <= 100000; key++)
        assert_int_equal(site_known(l, key * 16), key);
    assert_int_equal(site_known(l, 8), 0);
    end(w);
}

struct comer {
    struct watch *watch;
    const struct weir_site *site;
    uint32_t seen[100];
};

static void *comes(void *arg)
{
    struct comer *c = arg;
    for (int i = 0; i < 100; i++)
        c->seen[i] = site_of_source(c->watch, &c->site[i]);
    return NULL;
}

static void threads_that_come_at_once_find_the_same_entries(void **state)
{
    (void)state;
    struct watch *w = begin((struct fake_shape){ 0 });
    struct weir_site site[100];
    struct comer comer[4];
    pthread_t thread[4];
    for (int i = 0; i < 100; i++)
        site[i] = (struct weir_site){ "a.c", 1 + i, "f" };
    for (int i = 0; i < 4; i++) {
        comer[i] = (struct comer){ .watch = w, .site = site };
        assert_int_equal(pthread_create(&thread[i], NULL, comes, &comer[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    for (int i = 1; i < 4; i++)
        assert_memory_equal(comer[i].seen, comer[0].seen, sizeof comer[0].seen);
    assert_int_equal(ready_sites(w), 100);
    end(w);
}

#ifndef _WIN32
static struct watch *shared;
static int registers_a_hundred(void)
{
    static struct weir_site site[100];
    shared->locals = NULL;
    if (watch_locals(shared) == NULL)
        return 1;
    for (int i = 0; i < 100; i++) {
        site[i] = (struct weir_site){ i % 2 ? "odd.c" : "even.c", 1 + i, "f" };
        uint32_t at = site_of_source(shared, &site[i]);
        if (at == 0 || shared->sites[at].line != (uint32_t)i + 1)
            return 2;
    }
    return 0;
}

static void processes_that_come_at_once_have_each_place_at_least_once(void **state)
{
    (void)state;
    pid_t child[4];
    bool line[101] = { false };
    shared = fake_watch((struct fake_shape){ .shared = true, .sites = 1024 });
    fflush(NULL);
    for (int i = 0; i < 4; i++) {
        child[i] = fork();
        if (child[i] == 0)
            _exit(registers_a_hundred());
    }
    for (int i = 0; i < 4; i++) {
        int status = -1;
        waitpid(child[i], &status, 0);
        assert_int_equal(status, 0);
    }
    for (uint32_t i = 1; i < shared->head->sites; i++) {
        const struct debug_site *s = &shared->sites[i];
        assert_int_not_equal(s->state, DEBUG_CLAIMING);
        if (s->state == DEBUG_READY) {
            assert_string_equal(text(shared, s->file), s->line % 2 ? "even.c" : "odd.c");
            line[s->line] = true;
        }
    }
    for (int i = 1; i <= 100; i++)
        assert_true(line[i]);
    fake_watch_end(shared);
}
#endif

int main(void)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(a_place_in_the_source_is_written_once),
        cmocka_unit_test(a_return_address_becomes_a_module_and_an_offset),
        cmocka_unit_test(code_of_no_module_keeps_its_address),
        cmocka_unit_test(another_process_finds_what_is_there),
        cmocka_unit_test(stacks_that_differ_in_one_frame_are_two),
        cmocka_unit_test(a_full_table_is_site_0_and_is_counted),
        cmocka_unit_test(full_text_or_frames_leave_the_rest),
        cmocka_unit_test(a_hundred_thousand_addresses_are_each_found_again),
        cmocka_unit_test(threads_that_come_at_once_find_the_same_entries),
#ifndef _WIN32
        cmocka_unit_test(processes_that_come_at_once_have_each_place_at_least_once),
#endif
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
