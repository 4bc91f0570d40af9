bin_PROGRAMS += evoflip
evoflip_SOURCES = %D%/main.c
evoflip_LDADD = $(FLOOR7)
