"""Actions: what an analyst or a playbook asks for, one file each.

A module here that has `run` is an action, called as the module is. It has:

- a docstring: the first line says what it does, the rest what to know before;
- `class Input(BaseModel)`: flat scalars only (str, int, float, bool, datetime, Literal, or None), each with a
  `description`; lists are texts with commas between (exfilwatch.written.listed); `json_schema_extra` has `examples`;
- `class Output(Answer)`: what comes of it (answer.py), of `Change` where it changes something;
- `CHANGES: bool`: whether it changes something; then `Input` has `dry_run: bool = False`;
- `async def run(given: Input, context: Context) -> Output`, which does the same again without changing more;
- perhaps `APPROVAL = True`: a person is to agree first; and `REFERENCES`: ids of ATT&CK, D3FEND or RE&CT.

The command line, docs/actions.md and the platforms' packages are made from these (registry.py); perform.py runs them.
"""
