/// Why work on a model's file could not be done: what its reading, planning, running or writing met.
public enum ModelFileError: Error, Hashable {
    /// A file could not be read.
    case reading(ImportError)
    /// The model cannot be planned for the shapes of its inputs.
    case planning(PlanError)
    /// The model could not be run.
    case running(ExecutionError)
    /// A file could not be written.
    case writing(ExportError)
    /// What was written and read again does not do what the model does.
    case notTheSame(rule: String, received: String)
}

extension ModelFileError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .reading(let error): "\(error)"
        case .planning(let error): "\(error)"
        case .running(let error): "\(error)"
        case .writing(let error): "\(error)"
        case .notTheSame(let rule, let received): "\(rule); received \(received)"
        }
    }
}

extension ModelFileError {
    static func reading<Result>(
        _ body: () throws(ImportError) -> Result
    ) throws(ModelFileError) -> Result {
        do throws(ImportError) { return try body() } catch { throw .reading(error) }
    }

    static func planning<Result>(_ body: () throws(PlanError) -> Result) throws(ModelFileError) -> Result {
        do throws(PlanError) { return try body() } catch { throw .planning(error) }
    }

    static func running<Result>(_ body: () throws(ExecutionError) -> Result) throws(ModelFileError) -> Result {
        do throws(ExecutionError) { return try body() } catch { throw .running(error) }
    }

    static func writing<Result>(_ body: () throws(ExportError) -> Result) throws(ModelFileError) -> Result {
        do throws(ExportError) { return try body() } catch { throw .writing(error) }
    }
}
