import ArgumentParser
import Glibc
import Tamis

/// The command `tamis`: verbs over what the library does.
@main
struct Root: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tamis",
        abstract: "Train, run and measure convolutional networks.",
        discussion: """
            Exit status: 0 done, 1 an expectation failed, 2 the command was used wrongly, 3 a model or data could not be \
            used. Messages go to standard error.
            """,
        version: "0.1.0",
        subcommands: [
            TrainCommand.self, EvaluateCommand.self, RunCommand.self, InspectCommand.self, CheckCommand.self,
            CompareCommand.self, OptimizeCommand.self, ConvertCommand.self, BenchCommand.self,
            ProfileCommand.self, DoctorCommand.self,
        ])

    static func main() {
        // A reader that goes away shows as an error of `write`, which is quietly the end of the output.
        signal(SIGPIPE, SIG_IGN)
        // A limit on the size of files shows as an error of `write`, too.
        signal(SIGXFSZ, SIG_IGN)
        Console.handleInterruptions()
        do {
            var command = try parseAsRoot()
            do {
                try command.run()
            } catch let error as ValidationError {
                // What only the model or the data could show to be a wrong use.
                let verb = type(of: command).configuration.commandName ?? ""
                Console.note("Error: \(error)\n  See 'tamis \(verb) --help' for more information.")
                throw ExitStatus.usage
            }
        } catch {
            finish(error)
        }
    }

    /// Says what ended the command and ends the process.
    private static func finish(_ error: any Error) -> Never {
        if let status = error as? ExitStatus { Glibc.exit(status.rawValue) }
        if let failure = error as? Failure {
            Console.note("tamis: \(failure)")
            Glibc.exit(ExitStatus.failed.rawValue)
        }
        switch exitCode(for: error) {
        case .success:
            // Help and the version.
            Console.print(fullMessage(for: error))
            Glibc.exit(0)
        default:
            Console.note(fullMessage(for: error))
            Glibc.exit(ExitStatus.usage.rawValue)
        }
    }
}

/// How the command ends when it does not end well.
enum ExitStatus: Int32, Error {
    /// What was to be checked does not hold.
    case unexpected = 1
    /// The command was used wrongly.
    case usage = 2
    /// A model or data could not be used.
    case failed = 3
}

/// A model or data that could not be used: where, and what was wrong with it.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    /// Runs `body`; its error, said to be at `place`, is a failure. Errors of use pass as they are.
    static func at<Result>(_ place: String? = nil, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error where error is Failure || error is ValidationError || error is ExitStatus {
            throw error
        } catch {
            let text = "\(error)"
            guard let place, !text.hasPrefix(place) else { throw Failure(text) }
            throw Failure("\(place): \(text)")
        }
    }
}
