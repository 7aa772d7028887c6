# The C SDK: libpushc, push-sub, push-pub, pushctl, and their tests.

include tests/checker/build.mk tests/fuzz/build.mk

PUSHC_VERSION := $(VERSION)
# What programs are linked with: it changes when they must be built anew.
PUSHC_SOVERSION := 1

DEB_PACKAGES += libcurl4-openssl-dev libuv1-dev libevent-dev cmake groff-base \
                mandoc zsh

PUSHC_PKGS   := libcurl jansson
PUSHC_CFLAGS := $(shell pkg-config --cflags $(PUSHC_PKGS) 2>/dev/null) -pthread
PUSHC_LIBS   := $(shell pkg-config --libs $(PUSHC_PKGS) 2>/dev/null) -pthread

PUSHC_OBJS  := $(call objects,sdk-c/src/*.c)
PUSHC_REAL  := $(B)/libpushc.so.$(PUSHC_VERSION)
PUSHCTL     := $(B)/pushctl
PUSHC_TOOLS := $(B)/push-sub $(B)/push-pub $(PUSHCTL)

ALL_TARGETS += $(B)/libpushc.a $(B)/libpushc.so $(PUSHC_TOOLS)

define pushc_compile
$(call say,CC,$<)
@mkdir -p $(@D)
$(Q)$(CC) $(CSTD) $(WARN) -D_GNU_SOURCE -Isdk-c/include $(1) \
	$(PUSHC_CFLAGS) -MMD -MP $(CFLAGS) $(SAN) -c -o $@ $<
endef

$(B)/obj/sdk-c/src/%.o: sdk-c/src/%.c
	$(call pushc_compile,-fPIC -fvisibility=hidden)

$(B)/libpushc.a: $(PUSHC_OBJS)
	$(call say,AR,$@)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^

$(PUSHC_REAL): $(PUSHC_OBJS) sdk-c/libpushc.map
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -shared $(SAN) $(LDFLAGS) \
		-Wl,-soname,libpushc.so.$(PUSHC_SOVERSION) \
		-Wl,--version-script=sdk-c/libpushc.map -Wl,-z,relro,-z,now \
		-Wl,--as-needed -o $@ $(PUSHC_OBJS) $(PUSHC_LIBS)

$(B)/libpushc.so: $(PUSHC_REAL)
	$(Q)ln -sf $(<F) $(B)/libpushc.so.$(PUSHC_SOVERSION)
	$(Q)ln -sf $(<F) $@

# ---- tools and examples -----------------------------------------------------

PUSHC_TOOL_OBJS := $(call objects,sdk-c/tools/*.c)
PUSHC_TOOL_COMMON := $(filter-out %/push-sub.o %/push-pub.o,$(PUSHC_TOOL_OBJS))

$(B)/obj/sdk-c/tools/%.o: sdk-c/tools/%.c
	$(call pushc_compile,)

$(filter-out $(PUSHCTL),$(PUSHC_TOOLS)): $(B)/%: $(B)/obj/sdk-c/tools/%.o \
		$(PUSHC_TOOL_COMMON) $(B)/libpushc.a
	$(call say,LD,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(PUSHC_LIBS)

# libcrypto signs the tokens that it makes.
PUSHCTL_OBJS := $(call objects,sdk-c/pushctl/*.c)

$(B)/obj/sdk-c/pushctl/%.o: sdk-c/pushctl/%.c
	$(call pushc_compile,)

$(PUSHCTL): $(PUSHCTL_OBJS) $(PUSHC_TOOL_COMMON) $(B)/libpushc.a
	$(call say,LD,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(PUSHC_LIBS) -lcrypto

# Made by the program, so that they know all that it knows.
$(B)/completion/pushctl.bash $(B)/completion/pushctl.zsh: \
		$(B)/completion/pushctl.%: $(PUSHCTL)
	@mkdir -p $(@D)
	$(Q)$< completion $* >$@.new && mv $@.new $@

PUSHC_EXAMPLES := $(patsubst sdk-c/examples/%.c,$(B)/sdk-c/example-%,\
                    $(wildcard sdk-c/examples/*.c))

$(B)/obj/sdk-c/examples/%.o: sdk-c/examples/%.c
	$(call pushc_compile,)

$(PUSHC_EXAMPLES): $(B)/sdk-c/example-%: $(B)/obj/sdk-c/examples/%.o \
		$(B)/libpushc.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(PUSHC_LIBS) \
		$(if $(findstring libuv,$@),-luv) \
		$(if $(findstring libevent,$@),-levent_core)

# ---- documents and installation ---------------------------------------------

INSTALL_TARGETS += install-sdk-c
UNINSTALL_TARGETS += uninstall-sdk-c
LINT_TARGETS += lint-sdk-c

# docs/sdk-c.md is kept in the tree; the pages of section 3 are not.
.PHONY: docs-sdk-c
docs-sdk-c: ## write docs/sdk-c.md from pushc.h and the guide
	@sdk-c/man/mkdoc > docs/sdk-c.md.new && mv docs/sdk-c.md.new docs/sdk-c.md

$(B)/man3/pushc_publish.3: sdk-c/include/pushc.h sdk-c/man/header.awk
	@mkdir -p $(@D)
	$(Q)awk -v mode=man -v dir=$(@D) -f sdk-c/man/header.awk $<

.PHONY: lint-sdk-c
lint-sdk-c:
	@sdk-c/man/mkdoc | cmp -s - docs/sdk-c.md || { \
		echo 'docs/sdk-c.md is not what pushc.h says: make docs-sdk-c'; \
		exit 1; }
	@lines=$$(wc -l < sdk-c/include/pushc.h); [ $$lines -le 420 ] || { \
		echo "pushc.h has $$lines lines, 420 are allowed"; exit 1; }
	@! grep -l 'curl/curl.h' sdk-c/src/*.[ch] | grep -v '/transport.c$$' || { \
		echo 'libcurl is for transport.c alone'; exit 1; }
	@! grep -lE '<(curl|openssl)/' sdk-c/pushctl/*.[ch] | \
		grep -v -e /http.c$$ -e /jws.c$$ || { \
		echo 'libcurl is for http.c, libcrypto for jws.c alone'; exit 1; }

# What is found from another place is found by the way to it, so that the
# whole may be moved.
pushc_fill = sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(PUSHC_VERSION)|' \
	-e 's|@SOVERSION@|$(PUSHC_SOVERSION)|' \
	-e 's|@LIBDIR@|$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))|' \
	-e "s|@UP@|$$(realpath -sm --relative-to='$(LIBDIR)/cmake/pushc' \
		'$(PREFIX)')|"
PUSHC_TO  = $(DESTDIR)$(PREFIX)
PUSHC_LIB = $(DESTDIR)$(LIBDIR)
PUSHC_BUILT := $(B)/libpushc.a $(B)/libpushc.so $(PUSHC_TOOLS) \
               $(B)/man3/pushc_publish.3 $(B)/completion/pushctl.bash \
               $(B)/completion/pushctl.zsh
PUSHC_BASH  = $(PUSHC_TO)/share/bash-completion/completions
PUSHC_ZSH   = $(PUSHC_TO)/share/zsh/site-functions

.PHONY: install-sdk-c
install-sdk-c: $(PUSHC_BUILT) ## install the C SDK and its tools alone
	install -d '$(PUSHC_TO)/bin' '$(PUSHC_TO)/include/pushc' \
		'$(PUSHC_LIB)/pkgconfig' '$(PUSHC_LIB)/cmake/pushc' \
		'$(PUSHC_TO)/share/man/man1' '$(PUSHC_TO)/share/man/man3' \
		'$(PUSHC_BASH)' '$(PUSHC_ZSH)'
	install -m 755 $(PUSHC_TOOLS) '$(PUSHC_TO)/bin'
	install -m 644 sdk-c/include/pushc.h '$(PUSHC_TO)/include'
	install -m 644 sdk-c/include/pushc/*.h '$(PUSHC_TO)/include/pushc'
	install -m 644 $(B)/libpushc.a '$(PUSHC_LIB)'
	install -m 755 $(PUSHC_REAL) '$(PUSHC_LIB)'
	ln -sf $(notdir $(PUSHC_REAL)) \
		'$(PUSHC_LIB)/libpushc.so.$(PUSHC_SOVERSION)'
	ln -sf $(notdir $(PUSHC_REAL)) '$(PUSHC_LIB)/libpushc.so'
	$(pushc_fill) sdk-c/libpushc.pc.in \
		> '$(PUSHC_LIB)/pkgconfig/libpushc.pc'
	$(pushc_fill) sdk-c/pushcConfig.cmake.in \
		> '$(PUSHC_LIB)/cmake/pushc/pushcConfig.cmake'
	$(pushc_fill) sdk-c/pushcConfigVersion.cmake.in \
		> '$(PUSHC_LIB)/cmake/pushc/pushcConfigVersion.cmake'
	install -m 644 sdk-c/man/*.1 '$(PUSHC_TO)/share/man/man1'
	install -m 644 sdk-c/man/*.3 $(B)/man3/*.3 '$(PUSHC_TO)/share/man/man3'
	install -m 644 $(B)/completion/pushctl.bash '$(PUSHC_BASH)/pushctl'
	install -m 644 $(B)/completion/pushctl.zsh '$(PUSHC_ZSH)/_pushctl'
	@[ -n '$(DESTDIR)' ] || $(LDCONFIG) || \
		echo 'ldconfig did not run: programs may not find libpushc.so yet'

.PHONY: uninstall-sdk-c
uninstall-sdk-c: ## remove the C SDK and its tools alone
	rm -f $(foreach t,$(notdir $(PUSHC_TOOLS)),'$(PUSHC_TO)/bin/$(t)' \
		'$(PUSHC_TO)/share/man/man1/$(t).1')
	rm -f '$(PUSHC_BASH)/pushctl' '$(PUSHC_ZSH)/_pushctl'
	rm -f '$(PUSHC_TO)/include/pushc.h' \
		$(foreach h,$(notdir $(wildcard sdk-c/include/pushc/*.h)),\
			'$(PUSHC_TO)/include/pushc/$(h)')
	rm -f '$(PUSHC_LIB)/libpushc.a' '$(PUSHC_LIB)'/libpushc.so* \
		'$(PUSHC_LIB)/pkgconfig/libpushc.pc' \
		'$(PUSHC_LIB)'/cmake/pushc/pushcConfig*.cmake
	rm -f $(foreach p,libpushc $(shell cat sdk-c/libpushc.exports),\
		'$(PUSHC_TO)/share/man/man3/$(p).3')
	@rmdir '$(PUSHC_TO)/include/pushc' '$(PUSHC_LIB)/cmake/pushc' \
		2>/dev/null || true
	@[ -n '$(DESTDIR)' ] || $(LDCONFIG) || true

# ---- tests --------------------------------------------------------------------

# test_*.c need no server but a scripted one; real_*.c start httpd with the
# module.  What is neither is linked into each of them.
PUSHC_UNIT := $(patsubst sdk-c/test/%.c,$(B)/sdk-c/%,\
                $(wildcard sdk-c/test/test_*.c))
PUSHC_REAL_TESTS := $(patsubst sdk-c/test/%.c,$(B)/sdk-c/%,\
                      $(wildcard sdk-c/test/real_*.c))
PUSHC_TEST_COMMON := $(filter-out $(B)/obj/sdk-c/test/test_% \
                       $(B)/obj/sdk-c/test/real_%,\
                       $(call objects,sdk-c/test/*.c))

UNIT_TESTS += $(PUSHC_UNIT)
INTEGRATION_TESTS += $(PUSHC_REAL_TESTS)
LONG_TESTS += $(patsubst %,$(B)/sdk-c/%,real_client real_once real_pushctl \
                test_faults test_memory test_package test_polls)
# The tools as they are installed.
PLAIN_TESTS += $(B)/sdk-c/real_tools

$(B)/obj/sdk-c/test/%.o: sdk-c/test/%.c
	$(call pushc_compile,-Isdk-c/src -Itests/harness)

# The latter link the harness of tests/integration too.
PUSHC_HARNESS := $(call objects,tests/harness/*.c)

$(PUSHC_REAL_TESTS): $(PUSHC_HARNESS)
$(PUSHC_REAL_TESTS): | $(B)/push-checker $(PUSHC_TOOLS) $(PUSHC_EXAMPLES)

# The parts of pushctl below its table of commands.
$(B)/sdk-c/test_pushctl: $(PUSHC_TOOL_COMMON) $(filter-out $(addprefix \
	$(B)/obj/sdk-c/pushctl/,main.o usage.o complete.o),$(PUSHCTL_OBJS))

$(PUSHC_UNIT) $(PUSHC_REAL_TESTS): $(B)/sdk-c/%: $(B)/obj/sdk-c/test/%.o \
		$(PUSHC_TEST_COMMON) $(B)/libpushc.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $(filter %.o,$^) $(B)/libpushc.a \
		$(CHECK_LIBS) $(PUSHC_LIBS) -luv -levent_core \
		-Wl,--as-needed -lhiredis -lssl -lcrypto

# These fork: so every test has a report of its own.
PUSHC_VALGRIND := $(addprefix $(B)/sdk-c/test_,parser session client publish \
                    upload threads)

.PHONY: valgrind-sdk-c
valgrind: valgrind-sdk-c
valgrind-sdk-c: $(PUSHC_VALGRIND)
	@CK_TIMEOUT_MULTIPLIER=20 tests/run \
		$(foreach t,$(PUSHC_VALGRIND),'$(VALGRIND) $(t)')

-include $(PUSHC_OBJS:.o=.d) $(PUSHC_TOOL_OBJS:.o=.d) $(PUSHCTL_OBJS:.o=.d) \
         $(patsubst %.c,$(B)/obj/%.d,$(wildcard sdk-c/test/*.c \
           sdk-c/examples/*.c))
