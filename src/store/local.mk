noinst_LIBRARIES += %D%/libstore.a
%C%_libstore_a_SOURCES = \
  %D%/store.c %D%/store.h \
  %D%/campaigns.c %D%/campaigns.h %D%/validations.c %D%/validations.h \
  %D%/records.c %D%/seeds.c %D%/schema.h %D%/store_priv.h
%C%_libstore_a_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
