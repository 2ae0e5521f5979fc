"""Values by annotation: a program's own types as plain JSON, and back.

What holds here, and others rely on:

- What the first run returns is what a replay returns, of the same type throughout, because both
  read the stored text. The text and the annotation decide alone.
- The text is plain JSON, which other readers and code without the annotation can read. Only where
  JSON and the annotation together do not say which value it was (it is not of the annotated type,
  or another member of a union would read it) does the text say so: by an envelope, or a mark.
- Nothing changes silently. A codec writes values of exactly its type, and what it would not read
  back it refuses, naming the place. A function that worked without these codecs goes on working:
  a value that does not fit the annotation is written as without one, if that can hold it.
- Annotations are evaluated at first use, never at import. One that cannot be evaluated is none.
- No library is imported: who annotates with a class of pydantic's has imported pydantic.

`codecs` says what a codec is; `scalars`, `containers`, `records`, `libraries` and `unions` are the
kinds; `plans` makes one of an annotation, which `annotations` finds. `documents` are whole values
as they are stored, `boundary` is what comes into a program and leaves it.
"""
