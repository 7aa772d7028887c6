# Modules of their own beside mod_push.so: each source of messages is one, of
# what they have in common and what it needs.

SOURCE_COMMON := $(call objects,mod_push/sources/*.c)
SOURCE_OBJS   := $(SOURCE_COMMON) $(call objects,mod_push/sources/*/*.c)
SOURCE_MODULES := $(B)/mod_push_redis_source.so

ALL_TARGETS += $(SOURCE_MODULES)
DEB_PACKAGES += redis-server

# As of mod_push.so: the record is all that httpd sees.
$(B)/obj/mod_push/sources/redis/module.o: VISIBILITY := default

define link_source
$(call say,LD,$@)
$(Q)$(CC) -shared $(SAN) $(LDFLAGS) -Wl,-z,relro,-z,now,--as-needed \
	-o $@ $^ $(1) -pthread
endef

$(B)/mod_push_redis_source.so: $(SOURCE_COMMON) \
		$(call objects,mod_push/sources/redis/*.c) \
		$(B)/libpush_redis.a $(B)/libpush_core.a
	$(call link_source,$(PKG_LIBS))

-include $(SOURCE_OBJS:.o=.d)
