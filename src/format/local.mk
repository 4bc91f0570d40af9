noinst_LIBRARIES += %D%/libformat.a
%C%_libformat_a_SOURCES = %D%/format.c %D%/format.h
