// What is too long for every run is told by `./scripts/test --full`.

/** The sections of `--full` run, or somebody asks for everything (HEALSTREAM_TEST_FULL=true). */
export const isFull: boolean = process.env['HEALSTREAM_TEST_FULL'] === 'true'
