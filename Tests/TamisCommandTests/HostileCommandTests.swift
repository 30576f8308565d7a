import Foundation
import Glibc
import Tamis
import Testing

/// Files that are no models and places that take no files: each verb says so, and leaves nothing behind.
struct HostileCommandTests {
    private let folder: Folder
    /// A right model, and an input for it.
    private let model: String
    private let x: String

    init() throws {
        folder = try Folder()
        model = try folder.writeNetwork("right.onnx")
        x = folder.path("x.npy")
        try Tensor(random: .float32, shape: Shape([2, 3, 8, 8]), seed: 1, name: "x").writeNPY(to: x)
    }

    @Test(arguments: [
        ("missing", "No such file"), ("folder", "it is a folder"), ("empty", "an empty file"),
        ("cut", "are left"), ("x.npy/below", "Not a directory"), ("device", "no regular file"),
    ]) func whatIsNoModelIsRefused(kind: String, words: String) throws {
        let path = kind == "device" ? "/dev/zero" : folder.path(kind)
        switch kind {
        case "folder": try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        case "empty": try folder.write([], to: kind)
        case "cut": try folder.write(Array(folder.bytes("right.onnx").prefix(900)), to: kind)
        default: break
        }
        let before = folder.names
        for arguments in [
            ["inspect", path], ["inspect", path, "--html", folder.path("o.html")],
            ["run", path, "--input", "x=\(x)", "--output-dir", folder.path("o")],
            ["convert", path, "--output", folder.path("o.onnx")],
            ["optimize", path, "--output", folder.path("o.onnx")], ["compare", path, model],
            ["compare", path, "--plain"],
            ["bench", path], ["evaluate", path, "--data", folder.path],
        ] {
            let run = try CommandRun(arguments)
            #expect(run.status == 3, "\(arguments)")
            #expect(run.output.isEmpty && run.error.hasPrefix("tamis: \(path)"), "\(arguments): \(run.error)")
            #expect(run.error.contains(words), "\(arguments): \(run.error)")
        }
        // A check's result is what is wrong.
        let check = try CommandRun(["check", path])
        #expect(check.status == 1 && check.output.contains(words), "\(check.output)")
        #expect(folder.names == before)
    }

    @Test(arguments: ["below a file", "a device", "a folder that is there", "in a folder that is not"])
    func whatCannotBeWrittenIsSaid(place: String) throws {
        let path =
            switch place {
            case "below a file": "\(x)/o"
            case "a device": "/dev/full"
            case "in a folder that is not": folder.path("none/o")
            default: folder.path
            }
        let before = folder.names
        for arguments in [
            ["inspect", model, "--html", path], ["convert", model, "--output", path],
            ["optimize", model, "--output", path],
        ] {
            let run = try CommandRun(arguments)
            #expect(run.status == 3, "\(arguments)")
            #expect(run.output.isEmpty && run.error.hasPrefix("tamis: \(path): "), "\(arguments): \(run.error)")
        }
        // A folder is what it wants, and makes.
        if ["below a file", "a device"].contains(place) {
            let run = try CommandRun(["run", model, "--input", "x=\(x)", "--output-dir", path])
            #expect(run.status == 3)
            #expect(run.output.isEmpty && run.error.hasPrefix("tamis: \(path)"), "\(run.error)")
        }
        #expect(folder.names == before)
    }

    @Test func aDiskWithoutRoomKeepsNoPart() throws {
        let before = folder.names
        let output = folder.path("o")
        try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        for (arguments, path) in [
            (["inspect", model, "--html", "\(output)/o.html"], "\(output)/o.html"),
            (["convert", model, "--output", "\(output)/o.onnx"], "\(output)/o.onnx"),
            (["optimize", model, "--output", "\(output)/o.onnx"], "\(output)/o.onnx"),
            (["run", model, "--input", "x=\(x)", "--output", "c1", "--output-dir", output], "\(output)/c1.npy"),
        ] {
            // No file may be longer than 512 or 1024 bytes, as the shell counts.
            let limited = ["-c", "ulimit -f 1; exec \"$0\" \"$@\"", CommandProcess.path] + arguments
            let run = try CommandRun(limited, program: "/bin/sh")
            #expect(run.status == 3, "\(arguments)")
            #expect(run.output.isEmpty && run.error.contains("\(path): "), "\(arguments): \(run.error)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: output) == [])
        }
        // The same where there is room.
        let run = try CommandRun(["run", model, "--input", "x=\(x)", "--output", "c1", "--output-dir", output])
        #expect(run.status == 0, "\(run.error)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: output) == ["c1.npy"])
        #expect(folder.names == (before + ["o"]).sorted())
    }

    @Test(arguments: [["inspect"], ["inspect", "--json"], ["check"], ["check", "--json"], ["compare", "--plain"]])
    func whatCannotBeSaidIsAnError(arguments: [String]) throws {
        let scratch = try Folder()
        let process = try CommandProcess(
            [arguments[0], model] + arguments.dropFirst(), output: open("/dev/full", O_WRONLY | O_CLOEXEC),
            error: scratch.opened("err"))
        #expect(process.wait() == 3)
        #expect(String(decoding: try scratch.bytes("err"), as: UTF8.self).contains("standard output"))
    }
}
