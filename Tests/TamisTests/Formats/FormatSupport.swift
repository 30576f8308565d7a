import Glibc
import Tamis
import Testing

/// A tensor of one element type as the onnx library writes it.
struct ElementCase: CustomTestStringConvertible {
    let elementType: ElementType
    let typed: [UInt8]
    let raw: [UInt8]

    init(_ elementType: ElementType, typed: String, raw: String) {
        self.elementType = elementType
        self.typed = bytes(typed)
        self.raw = bytes(raw)
    }

    var testDescription: String { elementType.rawValue }
}

/// The bytes that hexadecimal digits stand for.
func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = hexadecimal.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
}

/// The files that `bytes` becomes when it is cut anywhere or one bit of its first `flipped` bytes is turned over, each made
/// when it is asked for.
struct Damaged: RandomAccessCollection {
    let bytes: [UInt8]
    private let bits: Int

    init(_ bytes: [UInt8], flipped: Int) {
        self.bytes = bytes
        bits = Swift.min(flipped, bytes.count) * 8
    }

    var startIndex: Int { 0 }
    var endIndex: Int { bytes.count + bits }

    subscript(index: Int) -> [UInt8] {
        guard index >= bytes.count else { return Array(bytes[..<index]) }
        let bit = index - bytes.count
        var copy = bytes
        copy[bit / 8] ^= 1 << UInt8(bit % 8)
        return copy
    }

    /// What was done to the bytes.
    func name(of index: Int) -> String {
        index < bytes.count ? "cut to \(index) bytes" : "bit \(index - bytes.count) turned over"
    }
}

/// The seconds that all threads of this process have computed.
func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// The error that `body` throws, or nil.
func importError(_ body: () throws -> Void) -> ImportError? {
    do { try body() } catch { return error as? ImportError }
    return nil
}

/// A folder that lasts as long as this object.
final class TemporaryFolder {
    let path: String

    /// Where thousands of small files are written `inMemory` spares the waiting for the disk.
    init(inMemory: Bool = false) throws {
        let place = inMemory && access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
        var template = Array("\(place)/tamis-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw ExportError.cannotWrite(path: place, reason: "mkdtemp") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The names of the files inside.
    var names: [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    deinit {
        for name in names {
            unlink("\(path)/\(name)")
            rmdir("\(path)/\(name)")
        }
        rmdir(path)
    }
}
