noinst_LIBRARIES += %D%/libformat.a
%C%_libformat_a_SOURCES = %D%/format.c %D%/format.h \
  %D%/code.c %D%/code.h %D%/code_priv.h %D%/code_int.c %D%/code_float.c
