from workflow_mock.cli.commands import main

main()
