/* test_package.c - what is installed, exported and documented. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pushc.h"
#include "suite.h"

static char root[] = "/tmp/pushc-package-XXXXXX";

/* Run a command in the shell with $ROOT, $BUILD and $CC; its output in the
 * message of a failure. */
static void run(const char *command)
{
    char line[4096], said[4096] = "";
    FILE *p;
    size_t n;

    snprintf(line, sizeof(line), "exec 2>&1; set -e; %s", command);
    p = popen(line, "r");
    ck_assert_ptr_nonnull(p);
    n = fread(said, 1, sizeof(said) - 1, p);
    said[n] = '\0';
    ck_assert_msg(pclose(p) == 0, "%s\n%s", command, said);
}

static void setup(void)
{
    const char *build = getenv("PUSH_BUILD");

    ck_assert_ptr_nonnull(mkdtemp(root));
    setenv("ROOT", root, 1);
    setenv("BUILD", build ? build : "build", 1);
    unsetenv("MAKEFLAGS");
    unsetenv("MAKELEVEL");
    unsetenv("MODE");
    run("make -s install-sdk-c PREFIX=\"$ROOT/usr\" DESTDIR= "
        "LDCONFIG=\"touch $ROOT/ldconfig\"; test -e \"$ROOT/ldconfig\"");
}

static void teardown(void)
{
    run("rm -rf \"$ROOT\"");
}

START_TEST(the_exported_names_are_the_listed_ones)
{
    run("nm -D --defined-only \"$ROOT/usr/lib/libpushc.so\" | "
        "awk '$2 == \"T\" { sub(/@.*/, \"\", $3); print $3 }' | sort | "
        "diff - sdk-c/libpushc.exports");
    run("readelf -d \"$ROOT/usr/lib/libpushc.so\" | "
        "grep -q 'SONAME.*libpushc.so.1'");
}
END_TEST

START_TEST(every_function_of_the_header_is_exported_and_described)
{
    run("grep -o 'pushc_[a-z_]*(' sdk-c/include/pushc.h | tr -d '(' | "
        "grep -v '^pushc_.*_fn$' | sort -u > \"$ROOT/named\"; "
        "comm -13 \"$ROOT/named\" sdk-c/libpushc.exports > \"$ROOT/extra\"; "
        "test ! -s \"$ROOT/extra\"");
    run("for f in $(cat sdk-c/libpushc.exports); do "
        "test -s \"$ROOT/usr/share/man/man3/$f.3\" || "
        "{ echo \"$f has no page\"; exit 1; }; done");
}
END_TEST

START_TEST(the_manual_pages_are_sound)
{
    run("for f in \"$ROOT\"/usr/share/man/man?/*; do "
        "said=$(groff -man -Tutf8 -ww \"$f\" 2>&1 >/dev/null); "
        "test -z \"$said\" || { echo \"$f: $said\"; exit 1; }; done");
}
END_TEST

/* Which version is installed says the page's foot; a date says nothing. */
START_TEST(the_manual_of_pushctl_has_nothing_that_mandoc_finds)
{
    run("mandoc -Tlint \"$ROOT/usr/share/man/man1/pushctl.1\" > "
        "\"$ROOT/said\" || true; ! grep -v 'missing date' \"$ROOT/said\"");
}
END_TEST

START_TEST(every_command_and_option_of_pushctl_is_in_its_manual)
{
    run("ctl=\"$ROOT/usr/bin/pushctl\"; sed 's/\\\\-/-/g' "
        "\"$ROOT/usr/share/man/man1/pushctl.1\" > \"$ROOT/page\"; "
        "commands=$(\"$ctl\" --help | sed -n '/^Commands/,/^Opt/s/^  "
        "\\([a-z]*\\) .*/\\1/p'); test $(echo $commands | wc -w) -ge 12; "
        "for c in $commands; do grep -q \"^.fB$c.fR\" \"$ROOT/page\" || "
        "{ echo \"$c\"; exit 1; }; "
        "for o in $(\"$ctl\" $c --help | sed -n "
        "'s/^  [ -].*\\(--[a-z-]*\\).*/\\1/p'); do grep -q -e \"[ ^]$o\\b\" "
        "\"$ROOT/page\" || { echo \"$c $o\"; exit 1; }; done; done");
}
END_TEST

START_TEST(completions_are_where_shells_look_for_them)
{
    run("bash -n \"$ROOT/usr/share/bash-completion/completions/pushctl\"; "
        "zsh -n \"$ROOT/usr/share/zsh/site-functions/_pushctl\"");
}
END_TEST

START_TEST(every_option_of_the_tools_is_in_their_manual)
{
    run("for t in push-sub push-pub; do "
        "for o in $(\"$BUILD/$t\" --help | grep -o -e '--[a-z-]*'); do "
        "sed 's/\\\\-/-/g' \"$ROOT/usr/share/man/man1/$t.1\" | "
        "grep -q -e \"$o\" || "
        "sed 's/\\\\-/-/g' \"$ROOT/usr/share/man/man1/push-sub.1\" | "
        "grep -q -e \"$o\" || { echo \"$t $o\"; exit 1; }; done; done");
}
END_TEST

#define PROGRAM                                                               \
    "printf '#include <pushc.h>\\n#include <stdio.h>\\n"                      \
    "int main(void) { puts(pushc_version()); return 0; }\\n' "                \
    "> \"$ROOT/app.c\"; "

START_TEST(pkg_config_links_a_program)
{
    run(PROGRAM "export PKG_CONFIG_PATH=\"$ROOT/usr/lib/pkgconfig\"; "
                "cc -o \"$ROOT/app\" \"$ROOT/app.c\" "
                "$(pkg-config --cflags --libs libpushc); "
                "test \"$(LD_LIBRARY_PATH=\"$ROOT/usr/lib\" \"$ROOT/app\")\" "
                "= \"$(pkg-config --modversion libpushc)\"");
    run(PROGRAM "export PKG_CONFIG_PATH=\"$ROOT/usr/lib/pkgconfig\"; "
                "cc -o \"$ROOT/static\" \"$ROOT/app.c\" "
                "$(pkg-config --cflags libpushc) \"$ROOT/usr/lib/libpushc.a\" "
                "$(pkg-config --static --libs-only-l libpushc | "
                "tr ' ' '\\n' | grep -e -lcurl -e -ljansson); "
                "\"$ROOT/static\"");
}
END_TEST

START_TEST(cmake_finds_the_package)
{
    run(PROGRAM
        "printf 'cmake_minimum_required(VERSION 3.18)\\nproject(app C)\\n"
        "find_package(pushc 1.0 REQUIRED)\\nadd_executable(app app.c)\\n"
        "target_link_libraries(app PRIVATE pushc::pushc)\\n' "
        "> \"$ROOT/CMakeLists.txt\"; "
        "cmake -S \"$ROOT\" -B \"$ROOT/b\" "
        "-DCMAKE_PREFIX_PATH=\"$ROOT/usr\" >/dev/null; "
        "cmake --build \"$ROOT/b\" >/dev/null; \"$ROOT/b/app\"");
    run("sed -i 's/::pushc)/::pushc_static)/' \"$ROOT/CMakeLists.txt\"; "
        "cmake -S \"$ROOT\" -B \"$ROOT/s\" "
        "-DCMAKE_PREFIX_PATH=\"$ROOT/usr\" >/dev/null; "
        "cmake --build \"$ROOT/s\" >/dev/null; \"$ROOT/s/app\"; "
        "! readelf -d \"$ROOT/s/app\" | grep libpushc");
}
END_TEST

/* As a package of Debian's would, which moves the whole below a DESTDIR. */
#define PACKAGE                                                               \
    " PREFIX=/usr LIBDIR=/usr/lib/x86_64-linux-gnu DESTDIR=\"$ROOT/d\" "      \
    "LDCONFIG=false >/dev/null; "

START_TEST(libraries_go_where_libdir_says)
{
    run(PROGRAM
        "make -s install-sdk-c" PACKAGE "cd \"$ROOT/d/usr\"; test ! -e "
        "lib/libpushc.a; "
        "export PKG_CONFIG_PATH=$PWD/lib/x86_64-linux-gnu/pkgconfig; "
        "test \"$(pkg-config --variable=libdir libpushc)\" = "
        "/usr/lib/x86_64-linux-gnu; printf 'cmake_minimum_required("
        "VERSION 3.18)\\nproject(app C)\\nfind_package(pushc 1.0 REQUIRED)"
        "\\nadd_executable(app ../app.c)\\ntarget_link_libraries(app PRIVATE "
        "pushc::pushc)\\n' > ../CMakeLists.txt; cmake -S .. -B ../b "
        "-Dpushc_DIR=$PWD/lib/x86_64-linux-gnu/cmake/pushc >/dev/null; "
        "cmake --build ../b >/dev/null; ../b/app");
}
END_TEST

START_TEST(uninstall_leaves_no_file)
{
    run("rm -rf \"$ROOT/d\"; make -s install-sdk-c" PACKAGE
        "test -e \"$ROOT/d/usr/bin/push-sub\"; make -s uninstall-sdk-c" PACKAGE
        "test -z \"$(find \"$ROOT/d\" ! -type d)\"; "
        "test ! -e \"$ROOT/d/usr/include/pushc\"");
}
END_TEST

/* What is said at the beginning of options, checked where it runs. */
#define BEGINNINGS                                                            \
    "printf '#include <pushc.h>\\nint main(void) {\\n"                        \
    "pushc_options o = PUSHC_OPTIONS_INIT;\\n"                                \
    "pushc_outgoing m = PUSHC_OUTGOING_INIT;\\n"                              \
    "return !(o.size == sizeof(o) && !o.url && !o.stop_on_large "             \
    "&& m.size == sizeof(m) && m.ttl == -1 && !m.receipt); }\\n' "            \
    "> \"$ROOT/begin.c\"; "

START_TEST(the_header_is_c99_and_cpp11_and_needs_no_other)
{
    run(BEGINNINGS "cc -std=c99 -pedantic-errors -Wall -Wextra -Werror "
                   "-I\"$ROOT/usr/include\" -o \"$ROOT/begin\" "
                   "\"$ROOT/begin.c\"; \"$ROOT/begin\"");
    run(BEGINNINGS "command -v c++ >/dev/null || exit 0; "
                   "for s in c++11 c++20; do c++ -std=$s -pedantic-errors "
                   "-Wall -Wextra -Werror -I\"$ROOT/usr/include\" -o "
                   "\"$ROOT/begin\" -x c++ \"$ROOT/begin.c\"; "
                   "\"$ROOT/begin\"; done");
}
END_TEST

START_TEST(the_example_of_the_readme_is_a_program)
{
    run("awk '/^```c$/ { f = 1; next } /^```/ { f = 0 } f' README.md "
        "> \"$ROOT/readme.c\"; grep -q pushc_ack \"$ROOT/readme.c\"; "
        "test $(wc -l < \"$ROOT/readme.c\") -le 30; "
        "export PKG_CONFIG_PATH=\"$ROOT/usr/lib/pkgconfig\"; "
        "cc -Wall -Wextra -Werror -o \"$ROOT/readme\" \"$ROOT/readme.c\" "
        "$(pkg-config --cflags --libs libpushc)");
}
END_TEST

START_TEST(every_status_has_words_of_its_own)
{
    int i, j;

    for (i = -20; i <= 1; i++) {
        ck_assert_str_ne(pushc_strerror(i), pushc_strerror(-1000));
        for (j = -20; j < i; j++) {
            ck_assert_str_ne(pushc_strerror(i), pushc_strerror(j));
        }
    }
}
END_TEST

int main(void)
{
    TCase *tc = suite_begin("package", 120);

    tcase_add_unchecked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_exported_names_are_the_listed_ones);
    tcase_add_test(tc, every_function_of_the_header_is_exported_and_described);
    tcase_add_test(tc, the_manual_pages_are_sound);
    tcase_add_test(tc, every_option_of_the_tools_is_in_their_manual);
    tcase_add_test(tc, the_manual_of_pushctl_has_nothing_that_mandoc_finds);
    tcase_add_test(tc, every_command_and_option_of_pushctl_is_in_its_manual);
    tcase_add_test(tc, completions_are_where_shells_look_for_them);
    tcase_add_test(tc, pkg_config_links_a_program);
    tcase_add_test(tc, cmake_finds_the_package);
    tcase_add_test(tc, libraries_go_where_libdir_says);
    tcase_add_test(tc, uninstall_leaves_no_file);
    tcase_add_test(tc, the_header_is_c99_and_cpp11_and_needs_no_other);
    tcase_add_test(tc, the_example_of_the_readme_is_a_program);
    tcase_add_test(tc, every_status_has_words_of_its_own);
    return suite_run();
}
