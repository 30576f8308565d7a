import ArgumentParser
import FoundationEssentials
import Tamis

/// Whether a verb gives its result as JSON.
struct JSONOption: ParsableArguments {
    @Flag(help: "Print the result as one JSON object; progress goes to standard error.")
    var json = false

    /// Prints `result` as one object, its keys sorted and in snake_case.
    static func print(_ result: some Encodable) throws {
        Console.print(String(decoding: try data(result), as: UTF8.self))
    }

    /// `value` as JSON.
    static func data(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return Array(try encoder.encode(value))
    }

    /// What `print` printed to a file, as the result of a verb.
    static func read<Value: Decodable>(_ type: Value.Type, from path: String, of verb: String) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        var limits = Limits()
        limits.fileBytes = 1 << 20
        let data = try FileBytes(path: path, limits: limits).withUnsafeBytes { Data($0) }
        do { return try decoder.decode(type, from: data) } catch {
            throw Failure("\(path): it must hold what \(verb) --json printed; received something else")
        }
    }
}
