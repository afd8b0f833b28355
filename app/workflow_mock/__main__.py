from workflow_mock.cli import main

main()
