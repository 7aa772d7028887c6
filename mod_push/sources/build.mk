# Modules of their own beside mod_push.so: each source of messages is one, of
# what they have in common and what it needs.

SOURCE_COMMON  := $(call objects,mod_push/sources/*.c)
SOURCE_OBJS    := $(SOURCE_COMMON) $(call objects,mod_push/sources/*/*.c)
LIBPQ          := $(shell pkg-config --libs libpq 2>/dev/null)
SOURCE_MODULES := $(B)/mod_push_redis_source.so

# Who has no libpq has no use for the other one.
ifneq ($(LIBPQ),)
SOURCE_MODULES += $(B)/mod_push_postgres_source.so
endif

ALL_TARGETS += $(SOURCE_MODULES)
DEB_PACKAGES += libpq-dev postgresql
INSTALL_TARGETS += install-sources
UNINSTALL_TARGETS += uninstall-sources

# As of mod_push.so: the record is all that httpd sees.
$(B)/obj/mod_push/sources/%/module.o: VISIBILITY := default

$(B)/obj/mod_push/sources/postgres/%.o: HTTPD_CFLAGS += \
	$(shell pkg-config --cflags libpq 2>/dev/null)

define link_source
$(call say,LD,$@)
$(Q)$(CC) -shared $(SAN) $(LDFLAGS) -Wl,-z,relro,-z,now,--as-needed \
	-o $@ $^ $(1) -pthread
endef

$(B)/mod_push_redis_source.so: $(SOURCE_COMMON) \
		$(call objects,mod_push/sources/redis/*.c) \
		$(B)/libpush_redis.a $(B)/libpush_core.a
	$(call link_source,$(PKG_LIBS))

$(B)/mod_push_postgres_source.so: $(SOURCE_COMMON) \
		$(call objects,mod_push/sources/postgres/*.c) \
		$(B)/libpush_core.a
	$(call link_source,$(LIBPQ))

# The header is for modules of others that bring messages.
.PHONY: install-sources
install-sources: $(SOURCE_MODULES)
	install -d '$(DESTDIR)$(LIBEXECDIR)' '$(DESTDIR)$(PREFIX)/include/mod_push'
	install -m 644 $(SOURCE_MODULES) '$(DESTDIR)$(LIBEXECDIR)/'
	install -m 644 mod_push/sources/source.h \
		'$(DESTDIR)$(PREFIX)/include/mod_push/source.h'
	@if [ -n '$(MODS_AVAILABLE)' ]; then \
		set -x; \
		install -d '$(DESTDIR)$(MODS_AVAILABLE)'; \
		install -m 644 $(patsubst $(B)/mod_%.so,conf/%.load,$(SOURCE_MODULES)) \
			'$(DESTDIR)$(MODS_AVAILABLE)/'; \
	fi

.PHONY: uninstall-sources
uninstall-sources:
	rm -f $(patsubst $(B)/%,'$(DESTDIR)$(LIBEXECDIR)/%',$(SOURCE_MODULES)) \
		'$(DESTDIR)$(PREFIX)/include/mod_push/source.h'
	rmdir '$(DESTDIR)$(PREFIX)/include/mod_push' 2>/dev/null || true
	@[ -z '$(MODS_AVAILABLE)' ] || rm -f \
		'$(DESTDIR)$(MODS_AVAILABLE)/push_redis_source.load' \
		'$(DESTDIR)$(MODS_AVAILABLE)/push_postgres_source.load'

-include $(SOURCE_OBJS:.o=.d)
