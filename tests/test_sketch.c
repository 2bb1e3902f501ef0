/* test_sketch.c - the sketch: its arithmetic, what it names, what it refuses to name, and the bound that it states. */
#include "tracker_support.h"

#include <math.h>

static struct desk desk;

static int make_desk(void **state)
{
    (void)state;
    desk_open(&desk, 42, 60, 3);
    return 0;
}

/* -- arithmetic ------------------------------------------------------------------------------------------------------------------- */

static uint64_t slow_multiply(uint64_t a, uint64_t b, uint64_t m) { return (uint64_t)((sketch_product)a * b % m); }

static uint64_t slow_power(uint64_t a, uint64_t e, uint64_t m)
{
    uint64_t r = 1;
    for (; e; e >>= 1, a = slow_multiply(a, a, m))
        if (e & 1)
            r = slow_multiply(r, a, m);
    return r;
}

/* Miller and Rabin's test by the first twelve primes, which errs for no number below 2^64. */
static bool is_prime(uint64_t n)
{
    static const uint64_t bases[] = { 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37 };
    uint64_t odd = n - 1;
    unsigned twos = 0;
    for (; odd % 2 == 0; odd /= 2)
        twos++;
    for (unsigned i = 0; i < sizeof bases / sizeof bases[0]; i++) {
        uint64_t x = slow_power(bases[i], odd, n);
        unsigned left = twos;
        if (n % bases[i] == 0)
            return n == bases[i];
        if (x == 1)
            continue;
        while (left && x != n - 1) {
            x = slow_multiply(x, x, n);
            left--;
        }
        if (!left)
            return false;
    }
    return true;
}

static void the_prime_is_the_largest_below_two_to_the_48th(void **state)
{
    (void)state;
    assert_true(is_prime(1000003));
    assert_false(is_prime(UINT64_C(1000003) * 1000033));
    assert_true(is_prime(SKETCH_PRIME));
    assert_true(SKETCH_PRIME < UINT64_C(1) << 48);
    for (uint64_t n = SKETCH_PRIME + 1; n < UINT64_C(1) << 48; n++)
        assert_false(is_prime(n));
}

static void products_are_reduced_as_by_division(void **state)
{
    static const uint64_t edges[] = { 0, 1, 2, 59, SKETCH_PRIME / 2, SKETCH_PRIME - 59, SKETCH_PRIME - 2, SKETCH_PRIME - 1 };
    const unsigned n = sizeof edges / sizeof edges[0];
    uint64_t seed = 7;
    (void)state;
    for (unsigned i = 0; i < n * n; i++)
        assert_true(sketch_multiply(edges[i / n], edges[i % n]) == slow_multiply(edges[i / n], edges[i % n], SKETCH_PRIME));
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t a = random_next(&seed) % SKETCH_PRIME, b = random_next(&seed) % SKETCH_PRIME;
        assert_true(sketch_multiply(a, b) == slow_multiply(a, b, SKETCH_PRIME));
    }
}

static void powers_begin_with_the_value_and_are_zero_for_nobody(void **state)
{
    uint64_t power[DEBUG_POWERS], value = (UINT64_C(1) << 47) - 12345;
    (void)state;
    sketch_powers(value, DEBUG_POWERS, power);
    for (unsigned i = 0; i < DEBUG_POWERS; i++)
        assert_true(power[i] == slow_power(value, i + 1, SKETCH_PRIME));
    sketch_powers(0, DEBUG_POWERS, power);
    for (unsigned i = 0; i < DEBUG_POWERS; i++)
        assert_true(power[i] == 0);
}

/* -- what it names -------------------------------------------------------------------------------------------------------------- */

/* A line where token first + 7 i has refs[i], of n; negative ones were given back by who had taken nothing. */
static struct line made(unsigned k, uint32_t first, const int *refs, unsigned n)
{
    struct line l;
    line_born(&l, &desk, &tracker_sketch, k, 1, 1);
    for (unsigned i = 0; i < n; i++)
        for (int j = 0; j < refs[i]; j++)
            line_take(&l, &desk, first + 7 * i, 1);
    for (unsigned i = 0; i < n; i++)
        for (int j = 0; j > refs[i]; j--)
            line_give(&l, &desk, first + 7 * i, 1);
    line_give(&l, &desk, 1, 1);
    return l;
}

static void assert_names(const struct verdict *v, uint32_t first, const int *refs, unsigned n)
{
    assert_int_equal(v->n, n);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(verdict_of(v, first + 7 * i), refs[i]);
}

static void every_k_names_up_to_k_holders_and_their_references(void **state)
{
    static const int refs[] = { 3, 1, 5, 2, 1, 4, 2, 7 };
    (void)state;
    for (unsigned k = 2; k <= 8; k++)
        for (unsigned n = 1; n <= k; n++) {
            struct line l = made(k, 5, refs, n);
            struct verdict v = line_read(&l, &desk, false);
            assert_int_equal(v.certainty, WEIR_CERTIFIED);
            assert_names(&v, 5, refs, n);
            assert_true(v.wrong_log2 < -80);
        }
}

static void more_than_k_holders_are_never_named(void **state)
{
    static const int refs[] = { 3, 1, 5, 2, 1, 4, 2, 7, 1, 1 };
    (void)state;
    for (unsigned k = 1; k <= 8; k++)
        for (unsigned n = k + 1; n <= 10; n++) {
            struct line l = made(k, 5, refs, n);
            struct verdict v = line_read(&l, &desk, false);
            assert_int_equal(v.certainty, WEIR_OVERFLOW);
            assert_int_equal(v.n, 0);
        }
}

static void a_ledger_with_negative_balances_is_listed_and_not_certified(void **state)
{
    static const int refs[] = { 4, -2, 1, -1 };
    struct line l = made(4, 9, refs, 4);
    struct verdict v = line_read(&l, &desk, false);
    (void)state;
    assert_int_equal(v.certainty, WEIR_AMBIGUOUS);
    assert_names(&v, 9, refs, 4);
    assert_says(v.why, "handed over by plain calls", NULL);
    v = line_read(&l, &desk, true);
    assert_int_equal(v.certainty, WEIR_AMBIGUOUS);
    assert_says(v.why, "against discipline=own", NULL);
}

static void up_to_k_references_of_own_holders_are_a_proof_and_a_bound_is_said_otherwise(void **state)
{
    static const int four[] = { 2, 1, 1 }, five[] = { 2, 1, 2 };
    struct line l = made(4, 9, four, 3);
    (void)state;
    assert_true(line_read(&l, &desk, true).wrong_log2 == 0);
    assert_true(line_read(&l, &desk, false).wrong_log2 < -200);
    l = made(4, 9, five, 3);
    assert_true(line_read(&l, &desk, true).wrong_log2 < -200);
    assert_int_equal(line_read(&l, &desk, true).certainty, WEIR_CERTIFIED);
}

static void one_power_sum_is_certified_for_one_reference_alone(void **state)
{
    static const int one[] = { 1 }, three[] = { 3 };
    struct line l = made(1, 30, one, 1);
    struct verdict v = line_read(&l, &desk, true);
    (void)state;
    assert_int_equal(v.certainty, WEIR_CERTIFIED);
    assert_names(&v, 30, one, 1);
    assert_true(v.wrong_log2 == 0);
    v = line_read(&l, &desk, false);
    assert_int_equal(v.certainty, WEIR_CERTIFIED);
    assert_true(v.wrong_log2 < -38 && v.wrong_log2 > -40);      /* 180 tokens / 2^47 */
    l = made(1, 30, three, 1);
    v = line_read(&l, &desk, true);
    assert_int_equal(v.certainty, WEIR_PROBABLE);
    assert_names(&v, 30, three, 1);
}

static void the_bound_is_what_the_formula_says(void **state)
{
    enum { N = 30000 };
    static const int refs[] = { N - 3, 1, 1, 1 };
    struct line l = made(4, 9, refs, 4);
    struct verdict v = line_read(&l, &desk, true);
    double h = 180, ways = 0, c = 1, shares = 1, said;
    (void)state;
    for (int d = 1; d <= 4; d++) {
        c = c * (h - d + 1) / d;
        ways += c * shares;
        shares = shares * (N - d) / d;
    }
    said = log2(ways * 5040) - 47 * 7;
    assert_int_equal(v.certainty, WEIR_CERTIFIED);
    assert_true(v.wrong_log2 >= said && v.wrong_log2 < said + 0.001);
}

static void the_logarithm_is_rounded_up_by_next_to_nothing(void **state)
{
    uint64_t seed = 3;
    (void)state;
    for (int i = 0; i < 10000; i++) {
        double x = ldexp((double)(random_next(&seed) | 1), (int)random_below(&seed, 300) - 150), off = verdict_log2(x) - log2(x);
        assert_true(off >= -1e-12 && off < 1e-6);
    }
    assert_true(verdict_log2(1) < 1e-6);
}

static void an_unregistered_token_is_no_name(void **state)
{
    static const int refs[] = { 2, 1 };
    struct line l = made(4, 9, refs, 2);
    uint64_t value = desk.value[16];
    struct verdict v;
    (void)state;
    desk.value[16] = 0;
    v = line_read(&l, &desk, true);
    desk.value[16] = value;
    assert_int_equal(v.certainty, WEIR_OVERFLOW);
    assert_int_equal(v.n, 0);
}

static void two_tokens_of_one_value_are_not_chosen_from(void **state)
{
    static const int refs[] = { 2, 1 };
    struct line l = made(4, 9, refs, 2);
    uint64_t value = desk.value[100];
    struct verdict v;
    (void)state;
    desk.value[100] = desk.value[16];
    v = line_read(&l, &desk, true);
    desk.value[100] = value;
    assert_int_equal(v.certainty, WEIR_AMBIGUOUS);
}

static void references_of_nobody_known_are_counted_and_take_the_certificate(void **state)
{
    static const int refs[] = { 2, 1 };
    struct line l = made(4, 9, refs, 2);
    struct verdict v;
    (void)state;
    line_take(&l, &desk, 0, 1);
    line_take(&l, &desk, 0, 1);
    v = line_read(&l, &desk, true);
    assert_int_equal(v.certainty, WEIR_PROBABLE);
    assert_int_equal(v.n, 3);
    assert_int_equal(verdict_of(&v, 0), 2);
    assert_int_equal(verdict_of(&v, 9), 2);
}

static void balances_out_of_the_words_range_are_overflow(void **state)
{
    struct line l;
    struct verdict v;
    (void)state;
    line_born(&l, &desk, &tracker_sketch, 4, 1, 1);
    for (int i = 1; i < SKETCH_RANGE - 1; i++)
        line_take(&l, &desk, 1, 1);
    v = line_read(&l, &desk, true);
    assert_int_equal(v.certainty, WEIR_CERTIFIED);
    assert_int_equal(verdict_of(&v, 1), SKETCH_RANGE - 1);
    line_take(&l, &desk, 1, 1);
    assert_int_equal(line_read(&l, &desk, true).certainty, WEIR_OVERFLOW);
    for (int i = 0; i < SKETCH_RANGE - 2; i++)          /* a ledger: one holder took them, another gave them back */
        line_give(&l, &desk, 2, 1);
    v = line_read(&l, &desk, false);
    assert_int_equal(l.count, 2);
    assert_int_equal(v.certainty, WEIR_OVERFLOW);
    assert_int_equal(v.n, 0);
    for (int i = 0; i < 40000; i++) {
        line_take(&l, &desk, 1, 1);
        line_give(&l, &desk, 2, 1);
    }
    v = line_read(&l, &desk, false);
    assert_int_equal(v.certainty, WEIR_OVERFLOW);
}

static void a_ledger_of_half_the_range_is_overflow_though_its_words_are_not(void **state)
{
    static const int within[] = { 16384, -16382 }, beyond[] = { 16385, -16383 };
    struct line l = made(4, 9, within, 2);
    struct verdict v = line_read(&l, &desk, false);
    (void)state;
    assert_int_equal(v.certainty, WEIR_AMBIGUOUS);
    assert_names(&v, 9, within, 2);
    l = made(4, 9, beyond, 2);
    v = line_read(&l, &desk, false);
    assert_int_equal(v.certainty, WEIR_OVERFLOW);
    assert_int_equal(v.n, 0);
}

static void a_word_that_is_off_by_anything_is_not_read(void **state)
{
    static const int refs[] = { 2, 1, 1, 1 };
    struct line l = made(4, 9, refs, 4);
    (void)state;
    for (unsigned i = 0; i < 7; i++)
        for (int bit = 0; bit < 64; bit++) {
            struct verdict v;
            l.words[i] ^= UINT64_C(1) << bit;
            v = line_read(&l, &desk, true);
            assert_int_equal(v.certainty, WEIR_OVERFLOW);
            assert_int_equal(v.n, 0);
            l.words[i] ^= UINT64_C(1) << bit;
        }
    for (unsigned i = 0; i < 7; i++) {                  /* the same number modulo the prime, but no sum of powers */
        l.words[i] += SKETCH_PRIME;
        assert_int_equal(line_read(&l, &desk, true).certainty, WEIR_OVERFLOW);
        l.words[i] -= SKETCH_PRIME;
    }
    for (l.count = 0; l.count < 12; l.count++)
        assert_int_equal(line_read(&l, &desk, true).certainty, l.count == 5 ? WEIR_CERTIFIED : WEIR_OVERFLOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_prime_is_the_largest_below_two_to_the_48th),
        cmocka_unit_test(products_are_reduced_as_by_division),
        cmocka_unit_test(powers_begin_with_the_value_and_are_zero_for_nobody),
        cmocka_unit_test(every_k_names_up_to_k_holders_and_their_references),
        cmocka_unit_test(more_than_k_holders_are_never_named),
        cmocka_unit_test(a_ledger_with_negative_balances_is_listed_and_not_certified),
        cmocka_unit_test(up_to_k_references_of_own_holders_are_a_proof_and_a_bound_is_said_otherwise),
        cmocka_unit_test(one_power_sum_is_certified_for_one_reference_alone),
        cmocka_unit_test(the_bound_is_what_the_formula_says),
        cmocka_unit_test(the_logarithm_is_rounded_up_by_next_to_nothing),
        cmocka_unit_test(an_unregistered_token_is_no_name),
        cmocka_unit_test(two_tokens_of_one_value_are_not_chosen_from),
        cmocka_unit_test(references_of_nobody_known_are_counted_and_take_the_certificate),
        cmocka_unit_test(balances_out_of_the_words_range_are_overflow),
        cmocka_unit_test(a_ledger_of_half_the_range_is_overflow_though_its_words_are_not),
        cmocka_unit_test(a_word_that_is_off_by_anything_is_not_read),
    };
    return cmocka_run_group_tests(tests, make_desk, NULL);
}
