#include "core/class.h"
#include "core/predicate.h"
#include "core_suite.h"

#include <stdlib.h>
#include <string.h>

/* Of which class a message is: its event type, and its variant. */

static push_text_t text_of(const char *text)
{
    return (push_text_t){text, (uint32_t)strlen(text)};
}

#define PRICE   (PUSH_CLASS_NAMED + 0)
#define PRICE_A (PUSH_CLASS_NAMED + 1)
#define NONE_A  (PUSH_CLASS_NAMED + 2)

static void add_classes(push_classes_t *classes)
{
    push_classes_init(classes, 1);
    push_classes_add(classes, text_of("price"), PRICE);
    push_classes_add(classes, text_of("price/A"), PRICE_A);
    push_classes_add(classes, text_of("message/A"), NONE_A);
}

#define LONG "a123456789b123456789c123456789d123456789e123456789f123456789"

/* event type, terms, class */
static const struct {
    const char *event, *terms;
    unsigned class;
} messages[] = {
    {"price", "", PRICE},
    {"price", "os=ios", PRICE},
    {"price", "share=0-49, of=x, variant=A", PRICE_A},
    {"price", "variant=A, share=0-49, of=x, os=ios", PRICE_A},
    {"price", "share=0-49, of=x, variant=B", PRICE},
    {"price", "share=0-49, of=x, variant=AA", PRICE},
    {"price", "share=0-49, of=A", PRICE},
    {"order", "share=0-49, of=x, variant=A", PUSH_CLASS_OTHER},
    {"", "share=0-49, of=x, variant=A", NONE_A},
    {"", "share=0-49, of=x, variant=B", PUSH_CLASS_OTHER},
    {LONG, "share=0-49, of=x, variant=ABC", PUSH_CLASS_OTHER},
    {LONG, "share=0-49, of=x, variant=ABCDEFGHIJKLMNOPQRSTUVWXYZ012345",
     PUSH_CLASS_OTHER},
};

START_TEST(a_variant_that_has_a_name_is_a_class_of_its_own)
{
    push_predicate_t p = {0};
    push_predicate_wrong_t wrong;
    push_classes_t classes;
    push_text_t where = {"", 0};

    add_classes(&classes);
    if (*messages[_i].terms) {
        ck_assert(
            push_predicate_parse(&p, text_of(messages[_i].terms), &wrong));
        ck_assert(push_predicate_end(&p, &where, &wrong));
    }
    ck_assert_uint_eq(push_class_for(&classes, text_of(messages[_i].event),
                                     where),
                      messages[_i].class);
}
END_TEST

START_TEST(without_such_names_no_terms_are_read)
{
    static const char broken[] = {1}; /* no term is so short */
    push_classes_t classes;

    push_classes_init(&classes, 1);
    push_classes_add(&classes, text_of("price"), PRICE);
    ck_assert(!classes.variants);
    ck_assert_uint_eq(push_class_for(&classes, text_of("price"),
                                     (push_text_t){broken, sizeof(broken)}),
                      PRICE);
}
END_TEST

static const struct {
    const char *name;
    bool valid;
} names[] = {
    {"price", true},       {"price/A", true},     {"a.b_c:d-1/A.b", true},
    {"", false},           {"/", false},          {"/A", false},
    {"price/", false},     {"price/A/B", false},  {"price A", false},
    {LONG "1234", true},   {LONG "12345", false}, {LONG "/12", true},
    {LONG "/1234", false},
};

START_TEST(a_name_is_an_event_type_and_perhaps_a_variant)
{
    ck_assert(push_class_name_valid(names[_i].name, strlen(names[_i].name))
              == names[_i].valid);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("classes");
    TCase *tc = unit_case(suite, "classes", 10);

    tcase_add_row_test(tc, a_variant_that_has_a_name_is_a_class_of_its_own,
                       messages);
    tcase_add_test(tc, without_such_names_no_terms_are_read);
    tcase_add_row_test(tc, a_name_is_an_event_type_and_perhaps_a_variant,
                       names);
    return unit_run(suite);
}
